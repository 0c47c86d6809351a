"""Which bytes are one whole request, and which heads are remembered."""

from __future__ import annotations

import pytest

from gateway_project.supervisor.heads import MOST, Head, Heads, whole

LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("head", "key"),
    [
        (b"host: x\r\ncontent-length: 4\r\na: b", LINE + b"host: x\r\na: b"),
        (b"Content-Length:4\r\nhost: x", LINE + b"host: x"),
        (b"host: x\r\nCONTENT-LENGTH: \t4 ", LINE + b"host: x"),
    ],
)
def test_a_whole_request_is_known_by_its_head_without_the_length(head: bytes, key: bytes) -> None:
    data = LINE + head + b"\r\n\r\nbody"
    assert whole(data) == (key, len(data) - len(b"body"))


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


def test_a_second_length_makes_another_head() -> None:
    """It is left in the key, and no head with one ever gets past the parser."""
    found = whole(LINE + b"content-length: 4\r\ncontent-length: 9\r\n\r\nbody")
    assert found is not None and b"content-length: 9" in found[0]


def test_the_oldest_heads_are_forgotten() -> None:
    heads = Heads()
    for number in range(MOST + 1):
        heads.add(b"%d" % number, Head("/", {"n": str(number)}))
    assert heads.known(b"0") is None
    assert heads.known(b"1") == Head("/", {"n": "1"})
    assert heads.known(b"%d" % MOST) is not None
