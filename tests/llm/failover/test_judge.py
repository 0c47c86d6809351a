"""The judge is strict: one thing that must not be makes a verdict worse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llm.observe.record import CallRecord
from llm.observe.trace import TraceStep
from tests.llm.failover.answer import ANSWER
from tests.llm.failover.heard import Heard, note_stream
from tests.llm.failover.scenario import Seen, judge
from tests.llm.failover.sixteen import SIXTEEN

FLAKY, CUT, REFUSED = SIXTEEN[2], SIXTEEN[7], SIXTEEN[12]


def attempt() -> TraceStep:
    return TraceStep(event="attempt", model="primary/one", key="key-1", outcome="failed", duration_ms=1.0)


def seen(heard: Heard, *, asked: int = 1, spare: int = 0) -> Seen:
    record = CallRecord(
        call_id="1", request_id="1", created_at=0.0, endpoint="chat/completions", attempts=asked + spare,
        status="succeeded" if heard.whole else "failed", trace=[attempt() for _ in range(asked + spare)],
    )  # fmt: skip
    times = [float(number) for number in range(asked)]
    return Seen([heard], times, [float(number) for number in range(spare)], 0, [record], True)


def answered(**changes: object) -> Heard:
    heard = Heard(200, ANSWER, "stop", True)
    for name, value in changes.items():
        setattr(heard, name, value)
    return heard


def told(**changes: object) -> Heard:
    return answered(**{"text": "We ask", "finish": "", "ended": False, "error": "e", "message": "Cut.", **changes})


def test_an_answer_a_detour_and_a_clear_error() -> None:
    assert judge(FLAKY, seen(answered(), asked=2)).word == "passed"
    assert judge(FLAKY, seen(answered(), asked=1, spare=1)).word == "partial"
    assert judge(CUT, seen(told())).word == "safe"
    assert judge(REFUSED, seen(told())).word == "passed"
    assert judge(REFUSED, seen(answered())).word == "partial"


@pytest.mark.parametrize(
    "heard",
    [
        answered(hung=True),
        answered(strange=["data: {"]),
        answered(text="We ask"),
        answered(text=ANSWER + " more"),
        answered(finish="", text="We ask"),
        told(finish="stop"),
        told(ended=True),
        told(message=""),
        told(error=""),
        Heard(200),
    ],
)
def test_what_no_caller_should_get(heard: Heard) -> None:
    assert judge(CUT, seen(heard)).word == "failed"


WRONG: list[Callable[[Seen], object]] = [
    lambda it: it.primary.append(0.5),
    lambda it: it.spare.append(0.5),
    lambda it: it.records[0].trace.pop(),
    lambda it: setattr(it.records[0], "attempts", 3),
    lambda it: setattr(it.records[0], "status", "cancelled"),
    lambda it: setattr(it.records[0].trace[0], "key", ""),
    lambda it: setattr(it.records[0].trace[0], "duration_ms", None),
    lambda it: setattr(it, "alive", False),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_accounted_for_or_leaves_the_gateway_dead(wrong: Callable[[Seen], object]) -> None:
    it = seen(told())
    wrong(it)
    assert judge(CUT, it).word == "failed"


def test_a_provider_that_is_hammered() -> None:
    limited = SIXTEEN[0]
    assert judge(CUT, seen(told(), asked=4)).word == "failed"
    early = seen(answered(), asked=2)
    early.primary[1] = 1.9
    assert judge(limited, early).word == "failed"
    early.primary[1] = 2.0
    assert judge(limited, early).word == "passed"


def test_a_stream_is_read_closely() -> None:
    heard = Heard()
    note_stream(heard, [b'data: {"choices":[{"delta":{"content":"a"}}]}', b"", b": comment", b"data: {oops", b"oops"])
    assert (heard.text, len(heard.strange), heard.ended) == ("a", 2, False)
