"""Which bytes are one whole request, and which heads are remembered."""

from __future__ import annotations

import pytest

from gateway_project.supervisor.heads import MOST, Heads, Known, whole
from llm.http.head import Head

LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HEAD = Head("/", {})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"host: x\r\ncontent-length: ", b"\r\na: b"),
        (b"Content-Length:", b"\r\nhost: x"),
        (b"host: x\r\nCONTENT-LENGTH: \t", b" "),
        (b"content-length: ", b""),
    ],
)
def test_a_whole_request_is_known_by_its_head_around_the_length(before: bytes, after: bytes) -> None:
    before, after = LINE + before, after + b"\r\n\r\n"
    known = Known((before, after), HEAD)
    for body in (b"", b"b", b"body", *(b"x" * size for size in range(90, 110))):
        data = before + b"%d" % len(body) + after + body
        end = len(data) - len(body)
        assert whole(data) == ((before, after), end)
        # Where the sum has a digit more than the body's length, it is left to `whole`.
        rest = len(data) - len(before) - len(after)
        assert known.ends(data) == (end if len(str(rest)) == len(str(len(body))) else 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        LINE,
        LINE + b"content-length: 4\r\n\r\nbod",
        LINE + b"content-length: 4\r\n\r\nbodyX",
        LINE + b"content-length: 04\r\n\r\nbody",
        LINE + b"content-length: -4\r\n\r\nbody",
        LINE + b"content-length: 4\r\nhost: x\r\n\r\nbody",
        LINE + b"Content-length: 4\r\n\r\nbody",
    ],
)
def test_what_does_not_end_with_its_body_does_not_begin_with_a_known_head(data: bytes) -> None:
    known = Known((LINE + b"content-length: ", b"\r\n\r\n"), HEAD)
    assert known.ends(LINE + b"content-length: 4\r\n\r\nbody") > 0
    assert known.ends(data) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        LINE,
        LINE + b"host: x\r\n\r\n",
        LINE + b"content-length: 4\r\n\r\nbod",
        LINE + b"content-length: 4\r\n\r\nbody" + LINE,
        LINE + b"content-length: +4\r\n\r\nbody",
        LINE + b"content-length: 4, 4\r\n\r\nbody",
        LINE + b"content-length: \xb2\r\n\r\nbo",
        LINE + b"content-length:\r\n\r\n",
        LINE + b"x-content-length: 4\r\n\r\nbody",
        LINE + b"a: " + b"b" * 5000 + b"\r\ncontent-length: 4\r\n\r\nbody",
        LINE + b"content-length: 0000000004\r\n\r\nbody",
    ],
)
def test_anything_else_is_none(data: bytes) -> None:
    assert whole(data) is None


def test_a_body_of_another_length_than_it_is_told_to_have_belongs_to_no_known_head() -> None:
    """A byte too many would be the beginning of the next request."""
    before, after = LINE + b"content-length: ", b"\r\n\r\n"
    known = Known((before, after), HEAD)
    for told in (*range(120), *range(990, 1010), *range(9990, 10010)):
        head = before + b"%d" % told + after
        for size in range(max(0, told - 3), told + 4):
            data = head + b"x" * size
            assert known.ends(data) in ((0, len(head)) if size == told else (0,))
            assert (whole(data) is not None) == (size == told)


def test_a_second_length_makes_another_head() -> None:
    """It is left in the key, and no head with one ever gets past the parser."""
    found = whole(LINE + b"content-length: 4\r\ncontent-length: 9\r\n\r\nbody")
    assert found is not None and b"content-length: 9" in found[0][1]


def test_the_oldest_heads_are_forgotten() -> None:
    heads = Heads()
    for number in range(MOST + 1):
        known = heads.add((b"%d" % number, b""), HEAD)
        assert heads.get((b"%d" % number, b"")) is known
    assert heads.get((b"0", b"")) is None
    assert heads.get((b"1", b"")) is not None
