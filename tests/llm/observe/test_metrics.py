"""What one process counts of its calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llm.errors import CallCancelled, InternalError, UpstreamAuthFailed, UpstreamRateLimited, UpstreamUnreachable
from llm.observe import metrics, tally
from llm.observe.metrics import Metrics
from llm.observe.record import CallRecord


def record(**changes: object) -> CallRecord:
    known = {"project": "default", "provider": "openai", "model": "gpt-4o", "status": "succeeded"}
    return CallRecord(call_id="c", request_id="r", created_at=0.0, endpoint="messages", **{**known, **changes})


def written(folder: Path) -> dict[tuple[str, ...], list[float]]:
    return {(entry.family, *entry.labels): entry.numbers for path in tally.files(folder) for entry in tally.read(path)}


def test_a_call_is_counted_with_its_tokens_and_times(tmp_path: Path) -> None:
    counting = Metrics(tmp_path)
    counting.started("messages")
    assert written(tmp_path)["active", "messages"] == [1]
    counting.settled(record(input_tokens=12, output_tokens=3, cached_tokens=4, latency_ms=300.0, overhead_ms=0.4))
    found = written(tmp_path)
    assert found["active", "messages"] == [0]
    assert found["calls", "default", "openai", "gpt-4o", "messages", "succeeded"] == [1, 12, 3, 4, 0, 0]
    times = found["times", "openai", "gpt-4o", "messages", "succeeded"]
    assert times[0] == pytest.approx(0.3)
    assert sum(times[1 : len(metrics.SECONDS) + 2]) == 1
    assert times[1 + metrics.SECONDS.index(0.5)] == 1  # the first bound that is not below it
    assert times[-len(metrics.SECONDS) - 2 :] == [0] * (len(metrics.SECONDS) + 2)  # not streamed: no first token


def test_names_are_capped(tmp_path: Path) -> None:
    counting = Metrics(tmp_path)
    for number in range(metrics.MOST_NAMES + 5):
        counting.settled(record(model=f"m{number}", project=f"p{number}"))
    found = written(tmp_path)
    assert found["calls", "other", "other", "other", "messages", "succeeded"][0] == 5
    assert found["times", "other", "other", "messages", "succeeded"][0] == 0
    assert len({name for name in found if name[0] == "calls"}) == metrics.MOST_NAMES + 1


def test_a_provider_is_up_after_an_attempt_that_it_answered_and_down_after_one_that_it_failed(tmp_path: Path) -> None:
    counting = Metrics(tmp_path, now=lambda: 50.0)
    outcomes = [UpstreamRateLimited("x"), UpstreamUnreachable("x"), CallCancelled("x"), InternalError("x")]
    states = []
    for error in outcomes:
        counting.attempted("a", "m", metrics.outcome(error))
        states.append(written(tmp_path)["provider", "a"])
    assert states == [[1, 50], [0, 50], [0, 50], [0, 50]]
    assert written(tmp_path)["attempts", "a", "m", "failed"] == [1]
    assert metrics.outcome(UpstreamAuthFailed("x")) == "credentials"


def test_a_disk_that_refuses_costs_metrics_and_no_call(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    counting = Metrics(tmp_path / "file")
    counting.settled(record())
    counting.settled(record())


def test_more_names_than_one_file_holds(tmp_path: Path) -> None:
    numbers = tally.Tally(tmp_path, chunk_bytes=4096)
    kept = [numbers.slots("f", (f"label-{number}",), 8) for number in range(200)]
    for number, slots in enumerate(kept):
        slots[7] = number
    found = written(tmp_path)
    assert len(tally.files(tmp_path)) > 1
    assert [found["f", f"label-{number}"][7] for number in range(200)] == list(range(200))


PROGRAM = """
import os, sys
from pathlib import Path
from llm.observe import metrics
metrics.open(Path(sys.argv[1]))
metrics.started("messages")
if os.fork() == 0:
    metrics.started("messages")
    metrics.started("messages")
    os.kill(os.getpid(), 9)
os.wait()
print("up", flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""


def test_numbers_survive_kill_and_tell_whose_process_lives(tmp_path: Path) -> None:
    """A forked child counts in a file of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"up\n"
    files = {tally.alive(path): next(iter(tally.read(path))).numbers for path in tally.files(tmp_path)}
    assert files == {True: [1], False: [2]}
    process.stdin.close()
    process.wait(10)
    assert not any(tally.alive(path) for path in tally.files(tmp_path))
    assert written(tmp_path)


def test_a_breaker_is_of_one_model_alone(tmp_path: Path) -> None:
    counting = Metrics(tmp_path)
    for number in range(metrics.MOST_NAMES + 5):
        counting.breaker("a", f"m{number}", 2, 1.0)
    counting.breaker("a", "m0", 0, 0.0)
    found = {name: numbers for name, numbers in written(tmp_path).items() if name[0] == "breaker"}
    assert len(found) == metrics.MOST_NAMES  # none is "other"
    assert (found["breaker", "a", "m0"], found["breaker", "a", "m1"]) == ([0, 0], [2, 1])
