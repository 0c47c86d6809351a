"""The subjects with trouble that one process knows, each with its breaker, and what follows from a change of one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from llm.observe.health_event import Category, Cause, HealthEvent, State, SubjectKind
from llm.policies import news
from llm.policies.breaker import Breaker, Rules
from llm.policies.evidence import Evidence, Verdict
from llm.policies.subject import ANY, Change, Share, Standing, Subject

MOST_SUBJECTS: Final = 2000
SWEEP_SECONDS: Final = 5.0
FORGOTTEN_SECONDS: Final = 3600.0  # past its time, an open one that nobody asks is not known any more
COOLING_TOLD_SECONDS: Final = 60.0
REFUSED_SECONDS: Final = 1.0  # so long nobody here asks again for a probe that another process has
_TICK: Final = 1e-6
_WORST: Final[tuple[State, ...]] = ("closed", "cooling", "half_open", "open")


class Record:
    """`told`: the state that was told last, `turns`: that of the breaker when it was looked at last. `probe`: whose
    attempt the probe is. `at`: of the latest change, here or elsewhere."""

    __slots__ = ("at", "breaker", "cooled_at", "probe", "told", "turns")

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.told: State = "closed"
        self.turns = 0
        self.probe: object = None
        self.cooled_at = float("-inf")
        self.at = 0.0


class Subjects:
    """Any thread may use it. `troubled`: is any subject not closed? `known`: is any kept at all?

    `tell` gets each change of state that happened here, at most one cooling of a subject a minute; it must not block.
    `random` in [0, 1).
    """

    def __init__(
        self, tell: Callable[[HealthEvent], None] | None, random: Callable[[], float], rules: Rules, key_rules: Rules
    ) -> None:
        self.troubled = False
        self.known: dict[Subject, Record] = {}
        self.share: Share | None = None
        self._tell = tell
        self._random = random
        self._rules = rules
        self._key_rules = key_rules
        self._barred: set[Subject] = set()
        self._lock = threading.Lock()
        self._swept_at = 0.0

    def hear(self, subjects: tuple[Subject, ...], evidence: Evidence, *, probe: object, now: float) -> None:
        """What an attempt said of its subjects (as `subjects_of` has them); `probe` is whose attempt it was."""
        changes: list[Change] = []
        released: list[Subject] = []
        verdicts = (evidence.provider, evidence.model, evidence.key, evidence.key)
        with self._lock:
            for subject, verdict in zip(subjects, verdicts, strict=False):
                record = self.known.get(subject)
                if record is None:
                    if verdict in ("nothing", "good") or subject.fingerprint == ANY:
                        continue
                    record = self._add(subject, now, changes)
                probing = record.probe is probe
                self._judge(record.breaker, verdict, evidence, probing, now)
                if probing:
                    record.probe = None
                    released.append(subject)
                self._notice(subject, record, now, "calls", changes)
            if evidence.key == "good" and self._barred:
                self._close_older(subjects, now, changes)
            if not 0 <= now - self._swept_at < SWEEP_SECONDS:
                self._sweep(now, changes)
        self._spread(changes, released)

    def answering(self, subjects: tuple[Subject, ...], *, probe: object, now: float) -> None:
        """The probe has begun to answer. Of what broke off its answers that says nothing yet."""
        changes: list[Change] = []
        released: list[Subject] = []
        with self._lock:
            for subject in subjects:
                record = self.known.get(subject)
                if record is None or record.probe is not probe or record.breaker.category == "malformed":
                    continue
                record.breaker.succeeded(now)
                record.probe = None
                released.append(subject)
                self._notice(subject, record, now, "calls", changes)
        self._spread(changes, released)

    async def claim(self, subjects: tuple[Subject, ...], *, probe: object, now: float) -> bool:
        """May an attempt go ahead? All that is half-open is claimed, or nothing."""
        taken = self._take(subjects, probe, now)
        if not taken:
            return taken is not None
        try:
            everywhere = await self._claim_everywhere(taken)
        except BaseException:
            self.leave(subjects, probe=probe, now=now)
            raise
        changes: list[Change] = []
        with self._lock:
            for subject in taken:
                record = self.known.get(subject)
                if record is None or record.probe is not probe:
                    continue  # it was reset meanwhile
                if everywhere:
                    self._notice(subject, record, now, "calls", changes)
                else:
                    record.probe, record.turns = None, record.breaker.turns
                    record.breaker.give_back(now, wait=REFUSED_SECONDS)
        self._spread(changes)
        return everywhere

    def _take(self, subjects: tuple[Subject, ...], probe: object, now: float) -> list[Subject] | None:
        """Claims in this process; None where there is another probe."""
        with self._lock:
            known = [(subject, self.known[subject]) for subject in subjects if subject in self.known]
            waiting = [(subject, record) for subject, record in known if record.breaker.seen(now) == "half_open"]
            if any(record.breaker.probing(now) for _, record in waiting):
                return None
            for _, record in waiting:
                record.breaker.claim(now)
                record.probe = probe
            return [subject for subject, _ in waiting]

    def leave(self, subjects: tuple[Subject, ...], *, probe: object, now: float) -> None:
        """The attempt said nothing; where it was the probe, another may be."""
        released = []
        with self._lock:
            for subject in subjects:
                record = self.known.get(subject)
                if record is not None and record.probe is probe:
                    record.probe = None
                    record.breaker.give_back(now)
                    released.append(subject)
        self._spread((), released)

    def reset(self, kind: SubjectKind, name: str, cause: Cause, *, now: float, tell: bool) -> None:
        changes: list[Change] = []
        reset = []
        with self._lock:
            for subject, record in self.known.items():
                if subject[:2] == (kind, name):
                    # A probe asks little: what opens again after it is to be left alone for longer.
                    (record.breaker.close if cause == "probe" else record.breaker.reset)(now)
                    record.probe = None
                    self._notice(subject, record, now, cause, changes, told=tell)
                    reset.append(subject)
        self._spread(changes, reset)

    def force(self, subject: Subject, category: Category, cause: Cause, *, now: float, tell: bool) -> None:
        changes: list[Change] = []
        with self._lock:
            for one in [known for known in self._barred if known[:2] == subject[:2]] or [subject]:
                record = self.known.get(one) or self._add(one, now, changes)
                record.breaker.force(now, category)
                self._notice(one, record, now, cause, changes, told=tell)
        self._spread(changes)

    def restore(self, subject: Subject, category: Category, *, until: float, failures: int, now: float) -> None:
        """Open until then, as it is kept somewhere; what is known of it here goes before."""
        if subject not in self.known:
            self.adopt(Change(subject, "closed", "open", now, until, category, failures), now=now)

    def adopt(self, change: Change, *, now: float) -> None:
        """A change in another process; an older one than the latest known is passed over. Nothing is told of it."""
        with self._lock:
            record = self.known.get(change.subject)
            if record is None:
                if change.new == "closed":
                    return
                record = self._add(change.subject, now, [])
            if change.at <= record.at:
                return
            record.at = change.at
            lost, record.probe = record.probe, None
            breaker = record.breaker
            breaker.adopt(
                now,
                state=change.new,
                until=change.until,
                category=change.category,
                failures=change.failures,
                level=change.level,
                relapses=change.relapses,
            )
            record.told, record.turns = change.new, breaker.turns
            self._weigh(change.subject, breaker)
        if lost is not None:
            self._spread((), [change.subject])

    def standings(self, now: float) -> list[Standing]:
        """Of all subjects that are kept; of several values of a key the one that stands worst."""
        found: dict[tuple[str, str], Standing] = {}
        with self._lock:
            records = list(self.known.items())
        for subject, record in records:
            breaker = record.breaker
            state = breaker.seen(now)
            until = breaker.until if state != "closed" else 0.0
            category, failures = (breaker.category, breaker.failures)
            one = Standing(subject.kind, subject.name, state, category, breaker.since, until, failures)
            known = found.get(subject[:2])
            if known is None or _WORST.index(known.state) < _WORST.index(state):
                found[subject[:2]] = one
        return [found[key] for key in sorted(found)]

    async def _claim_everywhere(self, subjects: list[Subject]) -> bool:
        if self.share is None:
            return True
        had: list[Subject] = []
        for subject in subjects:
            rules = self._key_rules if subject.kind == "key" else self._rules
            if not await self.share.claim(subject, rules.lease):
                for other in had:
                    self.share.release(other)
                return False
            had.append(subject)
        return True

    def _judge(self, breaker: Breaker, verdict: Verdict, evidence: Evidence, probing: bool, now: float) -> None:
        match verdict:
            case "good":
                breaker.succeeded(now)
            case "bad":
                breaker.failed(now, evidence.category, probe=probing)
            case "refused":
                breaker.refused(now, evidence.category, probe=probing)
            case "limited":
                breaker.limited(now, evidence.retry_after, probe=probing)
            case "nothing" if probing:
                breaker.give_back(now)

    def _close_older(self, subjects: tuple[Subject, ...], now: float, changes: list[Change]) -> None:
        """The key serves with this value: what its other values did is over."""
        for subject in [one for one in self._barred if one.kind == "key" and one.name == subjects[-1].name]:
            if subject not in subjects:
                record = self.known[subject]
                record.breaker.reset(now)
                self._notice(subject, record, now, "calls", changes)

    def _add(self, subject: Subject, now: float, changes: list[Change]) -> Record:
        """A new one; but what is known of a key whatever its value is goes over to the first value that has trouble."""
        whatever = subject._replace(fingerprint=ANY)
        if subject.kind == "key" and whatever in self.known:
            record = self.known[subject] = self.known.pop(whatever)
            self._barred.discard(whatever)
            self._weigh(subject, record.breaker)
            return record
        if len(self.known) >= MOST_SUBJECTS:
            self._sweep(now, changes)
        if len(self.known) >= MOST_SUBJECTS:
            oldest = min(self.known, key=lambda one: (one in self._barred, self.known[one].breaker.since))
            self._forget(oldest, now, changes)
        rules = self._key_rules if subject.kind == "key" else self._rules
        record = self.known[subject] = Record(Breaker(rules, random=self._random, now=now))
        return record

    def _sweep(self, now: float, changes: list[Change]) -> None:
        self._swept_at = now
        for subject, record in list(self.known.items()):
            breaker = record.breaker
            unasked = breaker.state in ("open", "half_open") and now - breaker.until > FORGOTTEN_SECONDS
            if unasked or breaker.quiet(now):
                self._forget(subject, now, changes)

    def _forget(self, subject: Subject, now: float, changes: list[Change]) -> None:
        record = self.known[subject]
        record.breaker.reset(now)
        self._notice(subject, record, now, "calls", changes)
        del self.known[subject]

    def _notice(
        self, subject: Subject, record: Record, now: float, cause: Cause, changes: list[Change], *, told: bool = True
    ) -> None:
        """Looks whether the breaker's state changed, and what is to be done about it."""
        breaker, old = record.breaker, record.told
        if breaker.turns == record.turns:
            return
        record.turns = breaker.turns
        self._weigh(subject, breaker)
        if breaker.state == "cooling":
            told = told and now - record.cooled_at >= COOLING_TOLD_SECONDS
            record.cooled_at = now if told else record.cooled_at
        if old == breaker.state:
            if old == "closed":
                return
            old = "half_open" if old == "open" else "closed"  # what time had made of it
        record.told = breaker.state if told or breaker.state != "cooling" else record.told
        record.at = max(now, record.at + _TICK)
        changes.append(_change(subject, old, record, cause, told))

    def _weigh(self, subject: Subject, breaker: Breaker) -> None:
        if breaker.state == "closed":
            self._barred.discard(subject)
        else:
            self._barred.add(subject)
        self.troubled = bool(self._barred)
        news.count(subject, breaker.state, breaker.until)

    def _spread(self, changes: Iterable[Change], released: Iterable[Subject] = ()) -> None:
        share = self.share
        for change in changes:
            if share is not None and change.new != "half_open":
                share.publish(change)
            if change.told:
                news.tell(change, self._tell)
        if share is not None:
            for subject in released:
                share.release(subject)


def _change(subject: Subject, old: State, record: Record, cause: Cause, told: bool) -> Change:
    breaker = record.breaker
    return Change(
        subject,
        old,
        breaker.state,
        record.at,
        breaker.until,
        breaker.category,
        breaker.failures,
        breaker.level,
        breaker.relapses,
        cause,
        told,
    )
