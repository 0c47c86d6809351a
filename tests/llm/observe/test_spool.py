"""The spool: nothing acknowledged is lost by kill -9, torn tails read cleanly, a full disk is said at once."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.errors import RecordNotWritten
from llm.observe import spool
from llm.observe.record import CallRecord
from llm.observe.spool import MemorySink, Spool
from llm.observe.spool_file import frame


def record(number: int, **fields: object) -> CallRecord:
    known = {"call_id": f"id-{number}", "request_id": "r", "created_at": 1.5, "endpoint": "messages"}
    return CallRecord(**{**known, **fields})


def ids(directory: Path) -> list[str]:
    return [found.call_id for path in spool.files(directory) for found, _ in spool.read(path)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def opened(directory: Path) -> Iterator[Spool]:
    sink = Spool(directory)
    yield sink
    sink.close()


def test_what_is_written_is_read_back_with_offsets_to_go_on_from(opened: Spool, directory: Path) -> None:
    for number in range(3):
        opened.write(record(number, tags={"team": "x"}, output_tokens=number))
    (path,) = spool.files(directory)
    found = list(spool.read(path))
    assert [one for one, _ in found] == [
        record(number, tags={"team": "x"}, output_tokens=number) for number in range(3)
    ]
    assert [one.call_id for one, _ in spool.read(path, found[0][1])] == ["id-1", "id-2"]
    assert found[-1][1] == path.stat().st_size
    assert list(spool.read(path, found[-1][1])) == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_its_owner_is_alive_until_it_closes(opened: Spool, directory: Path) -> None:
    opened.write(record(1))
    (path,) = spool.files(directory)
    assert spool.owner_alive(path)
    opened.close()
    assert not spool.owner_alive(path)
    opened.write(record(2))
    assert ids(directory) == ["id-1", "id-2"]
    assert len(spool.files(directory)) == 2


def test_files_are_rotated_and_rotated_ones_let_go(directory: Path) -> None:
    sink = Spool(directory, max_bytes=10_000)
    for number in range(20):
        sink.write(record(number))
    sink.close()
    paths = spool.files(directory)
    assert len(paths) > 1
    assert all(path.stat().st_size <= 2500 for path in paths)
    assert not any(spool.owner_alive(path) for path in paths)
    assert sorted(ids(directory)) == sorted(f"id-{number}" for number in range(20))


def test_the_bound_refuses_and_room_is_seen_again(directory: Path) -> None:
    sink = Spool(directory, max_bytes=2000)
    written = 0
    with pytest.raises(RecordNotWritten):
        for number in range(100):
            sink.write(record(number))
            written += 1
    assert len(ids(directory)) == written > 0
    sink.close()
    for path in spool.files(directory):
        path.unlink()
    sink.write(record(7))
    sink.close()
    assert ids(directory) == ["id-7"]


class Disk:
    """Writes as it is told: None as asked, a number of bytes, or an error."""

    def __init__(self, *script: int | OSError | None) -> None:
        self.script = list(script)

    def __call__(self, descriptor: int, data: bytes) -> int:
        said = self.script.pop(0) if self.script else None
        if isinstance(said, OSError):
            raise said
        return os.write(descriptor, data if said is None else data[:said])


@pytest.mark.parametrize("fault", [0, 1, 11, OSError(28, "No space left on device")])
def test_a_failed_write_is_cut_off_and_made_good_in_a_new_file(directory: Path, fault: int | OSError) -> None:
    sink = Spool(directory, write=Disk(None, fault))
    for number in range(3):
        sink.write(record(number))
    sink.close()
    assert ids(directory) == ["id-0", "id-1", "id-2"]
    assert len(spool.files(directory)) == 2


def test_a_disk_that_refuses_twice_is_told_and_leaves_no_torn_frame(directory: Path) -> None:
    sink = Spool(directory, write=Disk(None, 5, 6))
    sink.write(record(0))
    with pytest.raises(RecordNotWritten):
        sink.write(record(1))
    sink.write(record(2))
    sink.close()
    assert ids(directory) == ["id-0", "id-2"]


def test_the_bound_raises_an_alarm_that_ends_with_the_next_record(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    sink = Spool(directory, max_bytes=2100, monotonic=lambda: clock[0])
    fill(sink)
    for moment in (1.0, 59.0, 61.0):
        clock[0] = moment
        with pytest.raises(RecordNotWritten):
            sink.write(record(1))
    told = [line.message for line in caplog.records if line.levelno == logging.CRITICAL]
    assert told == ["calls cannot be recorded"] * 2  # at once, and after a minute
    assert spool.troubles(sink) == {"spool": "the spool is at its bound of 2100 bytes: calls are refused"}
    sink.close()
    for path in spool.files(directory):
        path.unlink()
    sink.write(record(7))
    sink.close()
    assert spool.troubles(sink) == {}


def test_the_alarm_of_a_full_spool_ends_without_a_call_once_there_is_room(directory: Path) -> None:
    sink = Spool(directory, max_bytes=4000)
    fill(sink)
    sink.close()
    first, *others = spool.files(directory)
    assert spool.troubles(sink)
    for path in others:
        path.unlink()
    assert first.stat().st_size < 3600
    assert spool.troubles(sink) == {}
    sink.write(record(1))
    sink.close()


def test_a_full_disk_gets_no_file_for_each_refused_call(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = Spool(directory, write=Disk(None, *[OSError(28, "No space left on device")] * 40))
    sink.write(record(0))
    for number in range(20):
        with pytest.raises(RecordNotWritten):
            sink.write(record(number))
    assert len(spool.files(directory)) == 2
    assert len(caplog.records) == 2  # what it tried, and the alarm
    sink.write(record(1))
    sink.close()
    assert sorted(ids(directory)) == ["id-0", "id-1"]


def fill(sink: Spool) -> None:
    with pytest.raises(RecordNotWritten):
        for number in range(100):
            sink.write(record(number))


def test_where_no_record_is_required_calls_go_on_and_are_counted(directory: Path) -> None:
    full = [OSError(28, "No space left on device")] * 4
    sink = Spool(directory, required=False, write=Disk(*full))
    sink.write(record(1))
    sink.write(record(2))
    assert spool.troubles(sink) == {
        "spool": "the disk refuses records (No space left on device): calls are not recorded",
        "unrecorded_calls": "2",
    }
    sink.write(record(3))
    sink.close()
    assert ids(directory) == ["id-3"]
    assert spool.troubles(sink) == {"unrecorded_calls": "2"}


def test_files_that_were_set_aside_are_a_trouble(opened: Spool, directory: Path) -> None:
    (directory / "corrupt-spool-1-2-3.log").touch()
    assert spool.troubles(opened) == {"damaged_spool_files": "1"}


def test_no_record_is_lost_for_what_a_caller_or_a_provider_says(opened: Spool, directory: Path) -> None:
    opened.write(record(1, end_user="x" * (spool.LARGEST_FRAME + 1)))
    opened.write(record(2, request_id="half of \ud83d", tags={"\ud83d": "\ude00"}))
    tags = {str(number) + "\U0001f600" * 1000: "\U0001f600" * 1000 for number in range(500)}
    labels = ("project", "key", "end_user", "requested_model", "provider", "model", "provider_key", "route")
    opened.write(record(3, tags=tags, **dict.fromkeys(labels, "\U0001f600" * 100_000)))
    opened.write(record(4, input_tokens=10**400, output_tokens=7))
    (path,) = spool.files(directory)
    found = [one for one, _ in spool.read(path, on_corrupt=_must_not)]
    assert [one.call_id for one in found] == [f"id-{number}" for number in (1, 2, 3, 4)]
    assert (found[0].end_user, found[1].request_id, found[1].tags) == ("x" * 1000, "half of ?", {"?": "?"})
    assert (len(found[2].tags), found[2].model) == (100, "\U0001f600" * 1000)
    assert (found[3].input_tokens, found[3].output_tokens) == (10**12, 7)


@settings(max_examples=60, deadline=None)  # each example is a file: the disk is shared
@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=6), data=st.data())
def test_any_truncation_yields_a_clean_prefix(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    sink = Spool(directory)
    written = [record(number, end_user="x" * size) for number, size in enumerate(sizes)]
    for one in written:
        sink.write(one)
    sink.close()
    (path,) = spool.files(directory)
    whole = list(spool.read(path))
    cut = data.draw(st.integers(0, path.stat().st_size))
    os.truncate(path, cut)
    found = list(spool.read(path, on_corrupt=_must_not))
    assert found == [entry for entry in whole if entry[1] <= cut]


def _must_not(path: Path, offset: int) -> None:
    raise AssertionError(f"reported as corrupt at {offset}")


@settings(max_examples=60, deadline=None)  # each example is a file: the disk is shared
@given(data=st.data())
def test_a_changed_byte_costs_its_own_record_and_is_reported(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    sink = Spool(directory)
    for number in range(4):
        sink.write(record(number))
    sink.close()
    (path,) = spool.files(directory)
    ends = [0, *(end for _, end in spool.read(path))]
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    hit = sum(end <= position for end in ends) - 1
    reports: list[int] = []
    found = [one.call_id for one, _ in spool.read(path, on_corrupt=lambda _, offset: reports.append(offset))]
    assert found == [f"id-{number}" for number in range(4) if number != hit]
    assert reports == [ends[hit]]


@settings(max_examples=60, deadline=None)  # each example is a file: the disk is shared
@given(garbage=st.binary(min_size=1, max_size=200), after=st.integers(0, 2))
def test_records_behind_garbage_are_found(tmp_path_factory: pytest.TempPathFactory, garbage: bytes, after: int) -> None:
    directory = tmp_path_factory.mktemp("spool")
    sink = Spool(directory)
    for number in range(4):
        sink.write(record(number))
    sink.close()
    (path,) = spool.files(directory)
    place = list(spool.read(path))[after][1]
    content = path.read_bytes()
    path.write_bytes(content[:place] + garbage + content[place:])
    reports: list[int] = []
    found = [one.call_id for one, _ in spool.read(path, on_corrupt=lambda _, offset: reports.append(offset))]
    assert (found, reports) == ([f"id-{number}" for number in range(4)], [place])


def test_a_frame_in_a_label_is_no_frame(opened: Spool, directory: Path) -> None:
    forged = frame(record(666))
    opened.write(record(1, end_user=forged.decode("utf-8", "replace"), request_id=forged.decode("latin-1")))
    opened.write(record(2))
    (path,) = spool.files(directory)
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF  # the record that bears the forged frames is damaged
    path.write_bytes(content)
    assert [one.call_id for one, _ in spool.read(path, on_corrupt=lambda *_: None)] == ["id-2"]


def test_zeros_of_a_lost_machine_are_read_past_in_time(opened: Spool, directory: Path) -> None:
    opened.write(record(1))
    (path,) = spool.files(directory)
    good = path.read_bytes()
    path.write_bytes(good + b"\0" * 8 * 1024 * 1024 + good)
    began = time.monotonic()
    assert len(list(spool.read(path, on_corrupt=lambda *_: None))) == 2
    assert time.monotonic() - began < 10


def test_waiting_records_are_counted(opened: Spool, directory: Path) -> None:
    for number in range(3):
        opened.write(record(number))
    (path,) = spool.files(directory)
    first = next(iter(spool.read(path)))[1]
    with open(path, "ab") as file:
        file.write(b"\0\0")  # not yet whole
    assert (spool.count(path), spool.count(path, first), spool.count(directory / "gone")) == (3, 2, 0)


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff" * 64])
def test_a_length_that_cannot_be_ends_the_file_and_is_reported(opened: Spool, directory: Path, tail: bytes) -> None:
    opened.write(record(1))
    (path,) = spool.files(directory)
    end = path.stat().st_size
    with open(path, "ab") as file:
        file.write(tail)
    reports: list[int] = []
    assert [one.call_id for one, _ in spool.read(path, on_corrupt=lambda _, offset: reports.append(offset))] == ["id-1"]
    assert reports == [end]


WRITER = """
import sys
from llm.observe.record import CallRecord
from llm.observe.spool import Spool
sink = Spool(sys.argv[1])
number = 0
while True:
    sink.write(CallRecord(call_id=str(number), request_id="r", created_at=0.0, endpoint="messages"))
    print(number, flush=True)
    number += 1
"""


def test_kill_9_loses_no_acknowledged_record(directory: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(200)]
        (path,) = spool.files(directory)
        assert spool.owner_alive(path)
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    assert not spool.owner_alive(path)
    found = ids(directory)
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) - len(acknowledged) <= 1  # written, not yet told


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_writes_a_file_of_its_own_and_holds_no_lock_of_its_parent(opened: Spool, directory: Path) -> None:
    opened.write(record(1))
    (mine,) = spool.files(directory)
    told, tell = os.pipe()
    go, wait = os.pipe()
    child = os.fork()
    if child == 0:
        opened.write(record(2))
        os.write(tell, b"x")
        os.read(go, 1)
        os._exit(0)
    os.read(told, 1)
    paths = spool.files(directory)
    assert len(paths) == 2 and all(spool.owner_alive(path) for path in paths)
    opened.close()
    assert not spool.owner_alive(mine)
    os.write(wait, b"x")
    os.waitpid(child, 0)
    assert sorted(ids(directory)) == ["id-1", "id-2"]
    assert not any(spool.owner_alive(path) for path in paths)


def test_the_memory_sink_can_be_waited_for() -> None:
    sink = MemorySink()
    sink.write(record(1))
    assert [one.call_id for one in sink.wait(1)] == ["id-1"]
    with pytest.raises(TimeoutError):
        sink.wait(2, timeout=0.01)
