"""Call ids: UUIDv7, ordered by time, with their time readable."""

from __future__ import annotations

import itertools
import os
import random
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.observe import call_id


@given(milliseconds=st.integers(0, 2**48 - 1), now=st.integers(0, 999_999))
def test_an_id_is_a_version_7_uuid_that_tells_its_time(milliseconds: int, now: int) -> None:
    made = call_id.new(lambda: milliseconds * 1_000_000 + now)
    parsed = uuid.UUID(made)
    assert (str(parsed), parsed.version, parsed.variant) == (made, 7, uuid.RFC_4122)
    assert call_id.timestamp(made) == milliseconds / 1000


def test_an_id_does_not_tell_how_many_others_there_were() -> None:
    made = [int(call_id.new(lambda: 0)[-12:], 16) for _ in range(100)]
    steps = {second - first for first, second in itertools.pairwise(made)}
    assert len(steps) == 99 and min(steps) < 0 < max(steps)


def test_ids_sort_by_time_and_differ() -> None:
    first, second = call_id.new(lambda: 1_000_000), call_id.new(lambda: 2_000_000)
    assert first < second
    assert len({call_id.new() for _ in range(1000)}) == 1000
    assert abs(call_id.timestamp(call_id.new()) - time.time()) < 5


@pytest.mark.parametrize(
    "text", ["", "x", str(uuid.UUID(int=0)), "019a8c5e0c1f", "zzzzzzzz-zzzz-7zzz-zzzz-zzzzzzzzzzzz"]
)
def test_another_text_has_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        call_id.timestamp(text)


def test_ids_do_not_come_again_after_a_seed_or_a_fork() -> None:
    def made() -> str:
        return call_id.new(lambda: 0)

    random.seed(1)
    first = made()
    random.seed(1)
    assert made() != first
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, made().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != made()
    os.close(reading)
    os.close(writing)
