"""Changes of health in the spool: beside records, in the order in which they came, and found again behind damage."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.observe import spool
from llm.observe.record import CallRecord
from llm.observe.spool import MemorySink, Spool
from llm.observe.spool_file import frame
from tests.support.health import event


def record(number: int, **fields: object) -> CallRecord:
    known = {"call_id": f"id-{number}", "request_id": "r", "created_at": 1.5, "endpoint": "messages"}
    return CallRecord(**{**known, **fields})


def written(directory: Path, *entries: spool.Entry) -> Path:
    sink = Spool(directory)
    for one in entries:
        sink.write(one) if isinstance(one, CallRecord) else sink.tell(one)
    sink.close()
    (path,) = spool.files(directory)
    return path


def test_records_and_events_come_back_as_they_went(tmp_path: Path) -> None:
    entries = [
        record(1, tags={"a": "b"}),
        event(0, category="auth", kind="key", name="openai/k1", until=2e9),
        event(1, old="open", new="half_open", cause="probe"),
        record(2),
    ]
    path = written(tmp_path, *entries)
    found = list(spool.read(path))
    assert [one for one, _ in found] == entries
    assert [one for one, _ in spool.read(path, found[1][1])] == entries[2:]
    assert spool.count(path) == 4


def test_a_file_of_the_version_before_still_reads(tmp_path: Path) -> None:
    payload = msgspec.msgpack.encode(record(1))
    old = len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload
    path = tmp_path / "spool-1-1-1.log"
    path.write_bytes(old + frame(event(0)) + old)
    assert [type(one).__name__ for one, _ in spool.read(path)] == ["CallRecord", "HealthEvent", "CallRecord"]


@given(damaged=st.integers(0, 3), byte=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_behind_damage_the_next_whole_one_is_found_whatever_it_is(
    tmp_path_factory: pytest.TempPathFactory, damaged: int, byte: int
) -> None:
    entries = [record(1), event(1), event(2), record(2)]
    path = written(tmp_path_factory.mktemp("spool"), *entries)
    ends = [0, *(end for _, end in spool.read(path))]
    data = bytearray(path.read_bytes())
    data[ends[damaged] + byte % (ends[damaged + 1] - ends[damaged])] ^= 0xFF
    path.write_bytes(data)
    reports: list[int] = []
    found = [one for one, _ in spool.read(path, on_corrupt=lambda _, offset: reports.append(offset))]
    assert found == entries[:damaged] + entries[damaged + 1 :]
    assert reports in ([ends[damaged]], [])  # of the last one it cannot be told from one that was not finished


def test_no_label_of_a_caller_passes_for_an_event(tmp_path: Path) -> None:
    forged = frame(event(0)).decode("latin-1")
    path = written(tmp_path, record(1, end_user=forged), record(2))
    data = bytearray(path.read_bytes())
    data[4] ^= 0xFF  # the first one's checksum: all of its bytes are searched
    path.write_bytes(data)
    assert [one for one, _ in spool.read(path, on_corrupt=lambda *_: None)] == [record(2)]


def test_a_name_with_half_of_a_surrogate_pair_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, event(0, kind="model", name="a/\ud800" + "x" * 5000))
    [(found, _)] = spool.read(path)
    assert found.name.startswith("a/?xx") and len(found.name) == 1000


def _no_disk(descriptor: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_what_cannot_be_told_raises_nothing_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = Spool(tmp_path, write=_no_disk)
    with caplog.at_level(logging.ERROR):
        sink.tell(event(0))
    told = [line for line in caplog.records if line.message == "a change of health could not be kept"]
    assert [(line.subject, line.state) for line in told] == [("openai", "open")]
    assert sink.unrecorded == 0  # which counts calls
    sink.close()


def test_a_sink_in_memory_keeps_events_too() -> None:
    sink = MemorySink()
    sink.tell(event(0))
    assert sink.events == [event(0, event_id=sink.events[0].event_id)] and sink.records == []
