"""What one process knows of the health of providers, models and keys: see docs/decisions/0013-failover.md."""

from __future__ import annotations

import itertools
import random as _random
import time
from collections.abc import Callable
from typing import Final

from llm.errors import GatewayError
from llm.observe.health_event import Category, Cause, HealthEvent, State, SubjectKind
from llm.policies import evidence
from llm.policies.breaker import KEY_RULES, RULES, Breaker, Rules
from llm.policies.first_token import FirstToken
from llm.policies.plan import Bar, Candidate
from llm.policies.subject import ANY, Change, Share, Standing, Subject, subjects_of
from llm.policies.subjects import Subjects

MOST_MODELS: Final = 2000
MOST_ROUTES: Final = 2000
SOON: Final = 1.0  # seconds: a probe that is under way may be over at any moment

_numbers = itertools.count()


class Pace:
    """Of one model: attempts under way, and how soon it begins to answer. `gone`: the board has forgotten it."""

    __slots__ = ("busy", "first_token", "gone")

    def __init__(self) -> None:
        self.busy = 0
        self.first_token = FirstToken()
        self.gone = False


class Acquaintance:
    """What a board has to know of a candidate, worked out once."""

    __slots__ = ("pace", "subjects")

    def __init__(self, pace: Pace, subjects: tuple[Subject, ...]) -> None:
        self.pace = pace
        self.subjects = subjects


class Board:
    """`Conditions` as this process sees them, told by its calls: `began` when an attempt begins, then exactly one of
    `succeeded`, `failed` and `left` (its caller went, or it said nothing of the provider).

    `claim`: may this attempt go ahead? Only where a subject is half-open can the answer be no: one probe at a time.
    `by` tells attempts with the same candidate apart: what another one says, that began before, is not the probe's.

    What calls use belongs to one event loop; `reset`, `opened`, `adopt` and `states` may come from any thread. `tell`
    gets the changes of state that happened here, in the thread that saw them, and must not block. `now` in seconds
    since 1970, `random` in [0, 1).
    """

    def __init__(
        self,
        tell: Callable[[HealthEvent], None] | None = None,
        *,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = _random.random,
        rules: Rules = RULES,
        key_rules: Rules = KEY_RULES,
    ) -> None:
        self._now = now
        self._subjects = Subjects(tell, random, rules, key_rules)
        self._known = self._subjects.known  # empty while all is well
        self._paces: dict[str, Pace] = {}
        self._turns: dict[str, int] = {}
        self._slot = f"board {next(_numbers)}"  # of a candidate's `prepared`

    # What calls ask.

    @property
    def troubled(self) -> bool:
        return self._subjects.troubled

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        """What is broken goes before what cools down; of equals the one that lasts longest."""
        found: Bar | None = None
        for subject in self._meet(candidate).subjects:
            record = self._known.get(subject)
            bar = None if record is None else _bar(subject, record.breaker, now)
            if bar is not None and (found is None or (not bar.waits, bar.until) > (not found.waits, found.until)):
                found = bar
        return found

    def first_token(self, candidate: Candidate) -> float | None:
        return self._meet(candidate).pace.first_token.lately(self._now())

    def first_token_p95(self, candidate: Candidate) -> float | None:
        """Seconds; None while too few are known."""
        return self._meet(candidate).pace.first_token.p95()

    def busy(self, candidate: Candidate) -> int:
        return self._meet(candidate).pace.busy

    def turn(self, route: str) -> int:
        turns = self._turns
        turn = turns.get(route, 0)
        turns[route] = turn + 1
        if len(turns) > MOST_ROUTES:
            del turns[next(iter(turns))]
        return turn

    # What calls tell.

    def began(self, candidate: Candidate) -> None:
        self._meet(candidate).pace.busy += 1

    async def claim(self, candidate: Candidate, by: object = None) -> bool:
        if not self._subjects.troubled:
            return True
        return await self._subjects.claim(self._meet(candidate).subjects, probe=by or candidate, now=self._now())

    def answering(self, candidate: Candidate, by: object = None) -> None:
        """The attempt's first token is here: where it is the probe, others need not wait until the answer is whole."""
        if self._subjects.troubled:
            self._subjects.answering(self._meet(candidate).subjects, probe=by or candidate, now=self._now())

    def succeeded(self, candidate: Candidate, by: object = None, *, first_token: float | None) -> None:
        met = self._meet(candidate)
        pace = met.pace
        pace.busy -= 1
        if first_token is not None:
            pace.first_token.note(first_token, self._now())
        if self._known:
            self._subjects.hear(met.subjects, evidence.SUCCESS, probe=by or candidate, now=self._now())

    def failed(self, candidate: Candidate, error: GatewayError, by: object = None) -> None:
        met = self._meet(candidate)
        met.pace.busy -= 1
        said = evidence.of(error, has_key=candidate.key is not None)
        if said.category or self._known:
            self._subjects.hear(met.subjects, said, probe=by or candidate, now=self._now())

    def left(self, candidate: Candidate, by: object = None) -> None:
        met = self._meet(candidate)
        met.pace.busy -= 1
        if self._known:
            self._subjects.leave(met.subjects, probe=by or candidate, now=self._now())

    # What others tell and ask, from any thread.

    def reset(self, kind: SubjectKind, name: str, cause: Cause, *, tell: bool = True) -> None:
        """Closed, whatever it was; of a key all its values. An operator's forgets also how often it was open. `tell`
        False: the event was told by whoever ordered it."""
        self._subjects.reset(kind, name, cause, now=self._now(), tell=tell)

    def opened(self, kind: SubjectKind, name: str, category: Category, cause: Cause, *, tell: bool = True) -> None:
        """Somebody looked and found that it does not work; of a key whatever its value is."""
        subject = Subject(kind, name, ANY if kind == "key" else "")
        self._subjects.force(subject, category, cause, now=self._now(), tell=tell)

    def restore(self, kind: SubjectKind, name: str, *, category: Category, until: float, failures: int) -> None:
        """At the start: it was open, until then, when somebody looked last."""
        subject = Subject(kind, name, ANY if kind == "key" else "")
        self._subjects.restore(subject, category, until=until, failures=failures, now=self._now())

    def adopt(self, change: Change) -> None:
        """A change that another process tells of."""
        self._subjects.adopt(change, now=self._now())

    def states(self) -> list[Standing]:
        """All that are kept: those with trouble, and those that had some a moment ago."""
        return self._subjects.standings(self._now())

    def join(self, share: Share) -> None:
        """From now on with other processes."""
        self._subjects.share = share

    def _meet(self, candidate: Candidate) -> Acquaintance:
        met: Acquaintance | None = candidate.prepared.get(self._slot)
        if met is not None and not met.pace.gone:
            return met
        met = Acquaintance(self._pace(candidate.name), subjects_of(candidate))
        candidate.prepared[self._slot] = met
        return met

    def _pace(self, name: str) -> Pace:
        pace = self._paces.get(name)
        if pace is None:
            if len(self._paces) >= MOST_MODELS:
                self._forget_a_pace()
            pace = self._paces[name] = Pace()
        return pace

    def _forget_a_pace(self) -> None:
        """The oldest one that nobody is waiting for."""
        name = next((name for name, pace in self._paces.items() if pace.busy <= 0), next(iter(self._paces)))
        self._paces.pop(name).gone = True


def _bar(subject: Subject, breaker: Breaker, now: float) -> Bar | None:
    state = breaker.seen(now)
    if state == "half_open" and not breaker.probing(now):
        return None
    return bar_of(subject, state, breaker.category, breaker.until, now)


def bar_of(subject: Subject, state: State, why: Category, until: float, now: float) -> Bar | None:
    """What stands against a subject in this state, a half-open one while its probe is under way. `until` and `now` in
    seconds since 1970."""
    match state:
        case "open" if subject.kind == "key" and why == "auth":
            return Bar(f"key refused: {subject.words.partition(' ')[2]} (auth)", until, category=why)
        case "open":
            return Bar(f"breaker open: {subject.words} ({why})", until, category=why)
        case "cooling":
            return Bar(f"limit reached: {subject.words} cools down", until, waits=True, category=why)
        case "half_open":
            reason = f"breaker half-open: {subject.words} ({why}) is being probed"
            return Bar(reason, min(until, now + SOON), category=why)
    return None
