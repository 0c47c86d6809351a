"""Numbers in files: read while they are written, kept when their process is killed, and never the end of a call."""

from __future__ import annotations

import logging
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.observe import tally
from llm.observe.tally import Tally
from tests.support.eventually import eventually

WRITER = """
import sys
from pathlib import Path
from llm.observe.tally import Tally
numbers = Tally(Path(sys.argv[1]), chunk_bytes=4096)
total = numbers.slots("total", (), 1)
kept = {}
for round in range(1_000_000):
    label = f"label-{round % 100}"
    slots = kept.get(label) or kept.setdefault(label, numbers.slots("f", (label,), 3))
    for _ in range(100):
        slots[0] += 1
        slots[2] += 2
        total[0] += 1
    if round == 20:
        print("writing", flush=True)
"""


def entries(folder: Path) -> list[tally.Entry]:
    return [entry for path in tally.files(folder) for entry in tally.read(path)]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    numbers = Tally(tmp_path)
    first, second = numbers.slots("f", ("a", "\U0001f600\n"), 3), numbers.slots("g", (), 1)
    assert list(first) == [0, 0, 0]
    first[1], second[0] = 2.5, -1
    assert entries(tmp_path) == [
        tally.Entry("f", ("a", "\U0001f600\n"), [0, 2.5, 0]),
        tally.Entry("g", (), [-1]),
    ]
    (path,) = tally.files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_blocks * 512 >= tally.CHUNK_BYTES  # the disk has the room already


def test_kill_9_loses_nothing_and_readers_see_whole_numbers_meanwhile(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        seen = -1.0
        for _ in range(200):
            found = entries(tmp_path)
            total = next(entry.numbers[0] for entry in found if entry.family == "total")
            assert total >= seen
            seen = total
            # Read while two of them are written: the second may be as much behind as there was time between.
            assert all(entry.numbers[0].is_integer() and entry.numbers[1] == 0 for entry in found[1:])
        assert all(tally.alive(path) for path in tally.files(tmp_path))
        process.send_signal(signal.SIGKILL)
    assert not any(tally.alive(path) for path in tally.files(tmp_path))
    first, *rest = entries(tmp_path)
    assert first.numbers[0] >= seen > 2000
    # It died between two additions.
    assert sum(entry.numbers[0] for entry in rest) - first.numbers[0] in (0, 1)
    assert sum(entry.numbers[0] - entry.numbers[2] / 2 for entry in rest) in (0, 1)


def test_threads_get_slots_of_their_own(tmp_path: Path) -> None:
    numbers = Tally(tmp_path, chunk_bytes=4096)
    together = threading.Barrier(4)

    def ask(thread: int) -> None:
        together.wait(10)
        for number in range(300):
            numbers.slots("f", (str(thread), str(number)), 2)[1] = thread * 1000 + number

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    found = {entry.labels: entry.numbers for entry in entries(tmp_path)}
    assert found == {(str(t), str(n)): [0, t * 1000 + n] for t in range(4) for n in range(300)}


FULL = """
import resource, signal, sys
from pathlib import Path
from llm.observe.tally import Tally
numbers = Tally(Path(sys.argv[1]), chunk_bytes=4096)
numbers.slots("f", ("before",), 1)[0] = 1
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))  # from now on no file gets longer than that
later = [numbers.slots("f", (f"later-{number}",), 8) for number in range(200)]
for slots in later:
    slots[0] += 1
numbers.slots("f", ("small",), 1)[0] += 1
print(sum(slots[0] for slots in later))
"""


def test_a_full_disk_costs_numbers_and_not_the_process(tmp_path: Path) -> None:
    """A page of a file that the disk has no room for would end the process at an addition, by SIGBUS."""
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "200.0\n")
    assert "metrics cannot be written" in ran.stderr
    assert entries(tmp_path)[0] == tally.Entry("f", ("before",), [1])
    assert [path.name for path in tmp_path.iterdir()] == [path.name for path in tally.files(tmp_path)]


def test_a_folder_that_cannot_be_made_costs_numbers_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    slots = Tally(tmp_path / "file").slots("f", (), 1)
    slots[0] += 1
    assert list(slots) == [1]
    assert [line.levelno for line in caplog.records] == [logging.ERROR]


FORKING = """
import os, sys
from pathlib import Path
from llm.observe import metrics
metrics.open(Path(sys.argv[1]))
metrics.started("parent")
if os.fork() == 0:
    metrics.started("child")
    print("up", flush=True)
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_a_child_that_lives_on_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.wait(10)
    alive = {next(tally.read(path)).labels[0]: tally.alive(path) for path in tally.files(tmp_path)}
    assert alive == {"parent": False, "child": True}
    process.stdin.close()
    eventually(lambda: not any(tally.alive(path) for path in tally.files(tmp_path)))
    process.stdout.close()


def test_a_file_that_is_gone_is_told_and_one_of_others_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "tally-1-2-3.bin"
    with pytest.raises(FileNotFoundError):
        tally.alive(path)
    with pytest.raises(FileNotFoundError):
        list(tally.read(path))
    path.write_bytes(b"something else")
    assert list(tally.read(path)) == []
    assert not tally.alive(path)


def test_an_addition_is_eight_bytes_in_place(tmp_path: Path) -> None:
    """So that nobody ever reads half of one."""
    slots = Tally(tmp_path).slots("f", ("odd",), 2)
    (path,) = tally.files(tmp_path)
    before = path.read_bytes()
    slots[1] = 1.0
    after = path.read_bytes()
    (place,) = {number // 8 for number in range(len(before)) if before[number] != after[number]}
    assert struct.unpack_from("=d", after, place * 8) == (1.0,)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_after_the_loss_of_the_machine_a_file_is_read_as_far_as_it_makes_sense(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("tally")
    numbers = Tally(folder, chunk_bytes=512)
    for number in range(4):
        numbers.slots("family", (f"label-{number}", "x"), 3)[1] = number
    (path,) = tally.files(folder)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, 300))
    damage = data.draw(st.binary(min_size=1, max_size=60))
    content[at : at + len(damage)] = damage
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(bytes(content[: data.draw(st.sampled_from((len(content), cut)))]))
    for entry in tally.read(path):
        assert isinstance(entry.family, str) and all(isinstance(number, float) for number in entry.numbers)
    os.unlink(path)
