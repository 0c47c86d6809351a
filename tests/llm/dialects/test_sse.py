"""The event decoder: any split, any end of line, nothing unbounded."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.dialects.sse import Frame, SseDecoder, data_event, named_event
from llm.errors import UpstreamMalformed


def decoded(data: bytes, cuts: list[int] | None = None) -> list[Frame]:
    decoder = SseDecoder()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    frames: list[Frame] = []
    for start, end in pairwise(edges):
        frames += decoder.feed(data[start:end])
    return [*frames, *decoder.flush()]


LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data:  three",
        b"data",
        b": a comment",
        b"event: named",
        b"id: 1",
        b"retry: 5",
        "data: grüße 🌍".encode(),
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 500), max_size=8))
def test_any_split_gives_the_same_events(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(line + end for line, end in lines)
    assert decoded(data, cuts) == decoded(data)
    assert decoded(data, list(range(len(data)))) == decoded(data)


@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"])), max_size=12))
def test_whole_events_keep_every_byte(lines: list[tuple[bytes, bytes]]) -> None:
    data = b"".join(line + end for line, end in lines) + b"\n\n"
    raw = b"".join(frame.raw for frame in decoded(data))
    assert data.rstrip(b"\r\n") == raw.rstrip(b"\r\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_fields(end: bytes) -> None:
    data = end.join([b"event: greeting", b": nobody reads this", b"data: one", b"data:two", b"", b"data: x", b"", b""])
    first, second = decoded(data)
    assert (first.event, first.data) == ("greeting", b"one\ntwo")
    assert (second.event, second.data) == ("", b"x")


def test_a_comment_is_a_frame_without_data() -> None:
    assert decoded(b": keep-alive\n\n") == [Frame(b": keep-alive\n\n", "", b"")]


def test_the_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert [frame.data for frame in decoded(b"\xef\xbb\xbfdata: x\n\n")] == [b"x"]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert decoded(b"data: [DONE]") == [Frame(b"data: [DONE]\n\n", "", b"[DONE]")]


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_an_endless_event_is_refused(size: int) -> None:
    decoder = SseDecoder(max_event_bytes=1000)
    with pytest.raises(UpstreamMalformed):
        for _ in range(0, 3000, size):
            list(decoder.feed(b"x" * size))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UpstreamMalformed):
        decoded(b'data: {"a":"\xff"}\n\n')


def test_what_is_written_is_read() -> None:
    first, second = decoded(data_event(b"{}") + named_event(b"ping", b'{"type":"ping"}'))
    assert (first.data, second.event, second.data) == (b"{}", "ping", b'{"type":"ping"}')
