"""The bytes that go over the wire: requests of a given size, and a provider's canned answers."""

from __future__ import annotations

import json
from typing import Final

MODEL: Final = "bench"
CHUNKS: Final = 50  # content events of a stream
PACE_SECONDS: Final = 0.02  # between two of them
_FRAME: Final = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1760000000, "model": MODEL}
_USAGE: Final = {"prompt_tokens": 200, "completion_tokens": 60, "total_tokens": 260}


def request(*, path: str, size: int, stream: bool = False, key: str = "", model: str = MODEL) -> bytes:
    """A whole HTTP request with a body of `size` bytes, in the dialect of its path."""
    given: dict[str, object] = {"model": model, "max_tokens": 100, "stream": stream}
    empty = len(json.dumps({**given, "messages": [{"role": "user", "content": ""}]}))
    body = json.dumps({**given, "messages": [{"role": "user", "content": _text(max(size - empty, 1))}]}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer() -> bytes:
    """A whole answer, of a body of 600 bytes and some."""
    message = {"role": "assistant", "content": _text(250)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps({**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def stream_head() -> bytes:
    # The last header tells nginx to pass each event on as it comes.
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        b"x-accel-buffering: no\r\n\r\n"
    )


def stream_event() -> bytes:
    return _event([{"index": 0, "delta": {"content": "some words "}, "finish_reason": None}])


def stream_end() -> bytes:
    finish = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = _event([], usage=_USAGE)
    return finish + usage + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _event(choices: list[dict[str, object]], **more: object) -> bytes:
    return _chunk(b"data: " + json.dumps({**_FRAME, "choices": choices, **more}).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


def _text(size: int) -> str:
    return ("All work and no play makes a dull benchmark. " * (size // 45 + 1))[:size]
