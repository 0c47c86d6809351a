"""A provider in memory, for what depends on the order of single pieces. Everything else is tested over sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from llm.spec import Dialect, Request, Target
from llm.transport.base import Outbound

NEVER = None  # a piece that does not come


def request(dialect: Dialect = "openai_chat", /, headers: Mapping[str, str] | None = None, **fields: Any) -> Request:
    body: dict[str, Any] = {"model": "asked", "messages": [{"role": "user", "content": "hello"}], **fields}
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    return Request(dialect, "asked", raw, stream=body.get("stream", False), headers=headers or {})


def target(**changes: Any) -> Target:
    values = {"provider_id": "p", "kind": "openai", "base_url": "https://api.example/v1", "model_id": "served"}
    return Target(**{**values, **changes})


class ScriptedAnswer:
    """`pieces`: bytes, an error to raise, or NEVER, from where on the answer is `stuck`. `closed` counts how often it
    was closed."""

    def __init__(self, *pieces: bytes | Exception | None, status: int = 200, content_type: str = "") -> None:
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": content_type or "text/event-stream"}
        self.closed = 0
        self.read_pieces = 0
        self.stuck = asyncio.Event()
        self._pieces: Sequence[bytes | Exception | None] = pieces

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        try:
            return b"".join([piece async for piece in self.chunks()])
        finally:
            await self.aclose()

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if piece is NEVER:
                self.stuck.set()
                await asyncio.Event().wait()
            self.read_pieces += 1
            if isinstance(piece, Exception):
                raise piece
            assert isinstance(piece, bytes)
            yield piece

    async def aclose(self) -> None:
        self.closed += 1


class ScriptedTransport:
    """Gives its answers in turn and keeps what was sent."""

    def __init__(self, *answers: ScriptedAnswer) -> None:
        self.sent: list[Outbound] = []
        self._answers = list(answers)

    async def send(self, outbound: Outbound) -> ScriptedAnswer:
        self.sent.append(outbound)
        return self._answers.pop(0)

    async def aclose(self) -> None:
        return


CHAT_ANSWER = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"served","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
MESSAGE_ANSWER = (
    b'{"id":"m1","type":"message","role":"assistant","model":"served","content":[{"type":"text","text":"hi"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'
)


def chunk(delta: str = "{}", finish: str | None = None, index: int = 0) -> bytes:
    """One event of a chat completions stream; `delta` is JSON text."""
    reason = "null" if finish is None else f'"{finish}"'
    return (
        f'data: {{"id":"c1","object":"chat.completion.chunk","created":1,"model":"served","choices":'
        f'[{{"index":{index},"delta":{delta},"finish_reason":{reason}}}]}}\n\n'
    ).encode()


USAGE = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"served","choices":[],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n'
)
DONE = b"data: [DONE]\n\n"
