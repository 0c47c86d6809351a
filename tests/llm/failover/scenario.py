"""A fault as data: what the providers do, what must hold, and the verdict on what was seen.

passed   every caller has what it can have (the whole answer; where the fault is the caller's own, the refusal), and
         all that must hold holds
partial  the same, but something that is only advised does not hold
safe     no answer, but a clear error in time, and all that must hold holds
failed   anything else: a hang, a piece told as if it were the answer, a provider that is hammered, a call that is
         not accounted for
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from llm.observe.record import CallRecord
from llm.observe.trace import TraceStep
from tests.llm.failover.heard import Heard
from tests.support.upstream_behaviours import Behaviour

Word = Literal["passed", "partial", "safe", "failed"]
Act = Callable[[int, float], Behaviour]
"""What a provider does: of its requests the how-manieth this is, from 1, and seconds since the scenario began."""


@dataclass
class Seen:
    """`primary` and `spare`: when each was asked. `refused_prefills`: how often a provider was asked to go on with an
    answer that another had begun. `slack`: by how much the machine may be late. All times in seconds of the list."""

    heard: list[Heard] = field(default_factory=list)
    primary: list[float] = field(default_factory=list)
    spare: list[float] = field(default_factory=list)
    refused_prefills: int = 0
    records: list[CallRecord] = field(default_factory=list)
    alive: bool = False
    slack: float = 0.0

    @property
    def attempts(self) -> list[TraceStep]:
        return [step for record in self.records for step in record.trace if step.event == "attempt"]

    def within(self, seconds: float) -> bool:
        return all(heard.seconds <= seconds + self.slack for heard in self.heard)


class Check(NamedTuple):
    words: str
    holds: Callable[[Seen], bool]


@dataclass(frozen=True)
class Scenario:
    """`calls` are made one after another, one `every` so many seconds; `bound`: seconds after which one hangs.
    `whole`: is there such a fault of answers that are not streamed?"""

    number: int
    name: str
    fault: str
    primary: Act
    spare: Act
    required: tuple[Check, ...]
    advised: tuple[Check, ...] = ()
    ideal: Literal["answer", "refusal"] = "answer"
    calls: int = 1
    every: float = 0.0
    bound: float = 45.0
    whole: bool = True


@dataclass(frozen=True)
class Verdict:
    word: Word
    why: str = ""


ALWAYS = (
    Check("no call hangs", lambda seen: not any(heard.hung for heard in seen.heard)),
    Check("nobody gets what is no answer and no error", lambda seen: not any(heard.strange for heard in seen.heard)),
    Check("no piece is told as if it were the answer", lambda seen: not any(heard.false for heard in seen.heard)),
    Check(
        "every request to a provider is an attempt of a record",
        lambda seen: sum(record.attempts for record in seen.records) == len(seen.primary) + len(seen.spare),
    ),
    Check(
        "every attempt is in the trace with its model, key, time and outcome",
        lambda seen: (
            len(seen.attempts) == sum(record.attempts for record in seen.records)
            and all(step.model and step.key and step.outcome and step.duration_ms is not None for step in seen.attempts)
        ),
    ),
    Check(
        "the record of a call says how it ended",
        lambda seen: seen.records[-1].status == ("succeeded" if seen.heard[-1].whole else "failed"),
    ),
    Check("the gateway serves on", lambda seen: seen.alive),
)


def judge(scenario: Scenario, seen: Seen) -> Verdict:
    broken = [check.words for check in (*ALWAYS, *scenario.required) if not check.holds(seen)]
    if broken:
        return Verdict("failed", "; ".join(broken))
    if not all(heard.whole or heard.told for heard in seen.heard):
        return Verdict("failed", "neither an answer nor a clear error")
    answered = all(heard.whole for heard in seen.heard)
    if scenario.ideal == "refusal":
        return Verdict("partial", "routed around the refusal") if answered else Verdict("passed")
    if not answered:
        return Verdict("safe", seen.heard[-1].message)
    missed = [check.words for check in scenario.advised if not check.holds(seen)]
    return Verdict("partial", "; ".join(missed)) if missed else Verdict("passed")
