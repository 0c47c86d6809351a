"""Call ids: UUIDv7, ordered by time, with their time readable."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.observe import call_id


@given(milliseconds=st.integers(0, 2**48 - 1), random=st.binary(min_size=10, max_size=10))
def test_an_id_is_a_version_7_uuid_that_tells_its_time(milliseconds: int, random: bytes) -> None:
    made = call_id.new(lambda: milliseconds * 1_000_000, lambda _: random)
    parsed = uuid.UUID(made)
    assert (str(parsed), parsed.version, parsed.variant) == (made, 7, uuid.RFC_4122)
    assert call_id.timestamp(made) == milliseconds / 1000


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
