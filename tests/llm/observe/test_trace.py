"""The decision trace in a record: bounded, so that no record is lost for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.observe import spool, trace
from llm.observe.record import CallRecord, decode, encode, tamed
from llm.observe.spool import Spool
from llm.observe.trace import TraceStep
from tests.support import made_calls

SMILE = "\U0001f600"
TEXTS = ("model", "key", "role", "reason", "outcome", "error", "phase")


def record(**fields: Any) -> CallRecord:
    return CallRecord(call_id="id", request_id="r", created_at=0.0, endpoint="messages", **fields)


def step(number: int = 0, **fields: Any) -> TraceStep:
    return TraceStep(**{"event": "skipped", "model": f"p/m{number}", "reason": "open", **fields})


def test_a_trace_goes_through_the_spool_as_it_is(tmp_path: Path) -> None:
    written = record(trace=made_calls.failover_trace())
    sink = Spool(tmp_path)
    sink.write(written)
    sink.close()
    (path,) = spool.files(tmp_path)
    assert [found for found, _ in spool.read(path)] == [written]


def test_a_record_of_a_version_without_traces_has_an_empty_one() -> None:
    without = dict.fromkeys(("call_id", "request_id", "endpoint"), "x") | {"created_at": 0.0}
    assert decode(msgspec.msgpack.encode(without)).trace == []


def test_what_a_step_says_nothing_of_takes_no_room() -> None:
    assert len(encode(record(trace=[TraceStep(event="wait")]))) - len(encode(record())) < 20


def test_a_provider_that_counts_beyond_measure_loses_no_record() -> None:
    found = decode(encode(tamed(record(trace=[step(input_tokens=10**400, output_tokens=7)]))))
    assert (found.trace[0].input_tokens, found.trace[0].output_tokens) == (trace.MOST_TOKENS, 7)


def test_of_too_many_steps_the_first_and_the_last_stay() -> None:
    kept = trace.tamed([step(number) for number in range(1000)])
    assert [one.model for one in kept] == [f"p/m{number}" for number in (*range(50), *range(950, 1000))]
    assert trace.tamed([step(number) for number in range(100)]) == [step(number) for number in range(100)]
    assert trace.tamed([]) == []


def test_texts_are_cut_and_halves_of_pairs_replaced() -> None:
    (kept,) = trace.tamed([step(model="x" * 5000, reason="half of \ud83d", candidates=("\ud83d",) * 1000)])
    assert (kept.model, kept.reason, kept.candidates) == ("x" * 330, "half of ?", ("?",) * 100)


@pytest.mark.parametrize("steps", [1, 2, 3, 99, 100, 1000])
def test_the_largest_record_fits_a_frame(tmp_path: Path, steps: int) -> None:
    """Everything in it at its largest at once."""
    labels = [name for name in CallRecord.__struct_fields__ if isinstance(getattr(record(), name), str)]
    tags = {f"{number:03}" + SMILE * 2000: SMILE * 2000 for number in range(500)}
    large = step(candidates=(SMILE * 1000,) * 200, **dict.fromkeys(TEXTS, SMILE * 1000), at_ms=1.5, cost_nano_usd=2**60)
    given = CallRecord(**{**dict.fromkeys(labels, SMILE * 2000), "status": "failed"}, created_at=0.0, tags=tags)
    given.trace = [large] * steps
    assert len(encode(tamed(given))) <= spool.LARGEST_FRAME
    sink = Spool(tmp_path)
    sink.write(given)
    sink.close()
    (path,) = spool.files(tmp_path)
    ((found, _),) = spool.read(path)
    assert isinstance(found, CallRecord) and found.trace and found.trace[-1].model == SMILE * 330


@given(number=st.integers(0, 300), size=st.integers(0, 400), names=st.integers(0, 120))
def test_a_tamed_trace_keeps_its_bounds_and_its_ends(number: int, size: int, names: int) -> None:
    steps = [step(place, error=SMILE * size, candidates=(SMILE * size,) * names) for place in range(number)]
    kept = trace.tamed(steps)
    assert len(kept) <= trace.MOST_STEPS and bool(kept) == bool(steps)
    assert len(encode(record(trace=kept))) <= trace.MOST_BYTES + 1000
    assert not steps or kept[-1].model == steps[-1].model
    assert trace.tamed(kept) == kept
