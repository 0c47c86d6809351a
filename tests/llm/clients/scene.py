"""What the fake provider plays for the clients, in both dialects: which part is told by the request itself.

Tools are called, each with the arguments of `ARGUMENTS`, until there is a result; a wanted form of answer is kept to;
`refuse 429` in the last text of the user is refused so, `cut` ends a stream in its middle, `silence` is a stream with
silences; all else is echoed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support import upstream_faults as faults
from tests.support import upstream_surfaces as surfaces
from tests.support.upstream_answers import Reply, Tokens, ToolCall
from tests.support.upstream_behaviours import FIXTURES, SSE, Behaviour, answer, headers_of, pieces, reply, stream_of
from tests.support.upstream_default import echo, last_user_text
from tests.support.upstream_wire import Exchange, Received

COMMENT = b": keep-alive\n\n"
COUNTED = 42
SILENCES, COMMENTS = 2, 2  # in a stream, and in each silence of it
TOKENS = Tokens(input=21, output=8, cached=4)
REPORT = {"city": "Oslo", "celsius": -3}
CITIES = ("Oslo", "Rome")
SUNNY = "It is sunny in Oslo and Rome."
RESPONSE = (FIXTURES / "streams" / "responses_text.sse").read_bytes()


class Comments:
    """Counts the comments of the gateway in its streams; the provider is silent until there have been some."""

    def __init__(self) -> None:
        self.sent = 0
        self._changed = asyncio.Event()

    def counted(self, app: Any) -> Any:
        """The same ASGI application."""

        async def application(scope: Any, receive: Any, send: Any) -> None:
            async def told(message: Any) -> None:
                await send(message)
                if message.get("body") == COMMENT:
                    self.sent += 1
                    self._changed.set()

            await app(scope, receive, told)

        return application

    async def more(self, count: int = COMMENTS) -> None:
        wanted = self.sent + count
        while self.sent < wanted:
            self._changed.clear()
            await self._changed.wait()


def played(comments: Comments) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await _part(exchange.request, comments)(exchange)

    return behave


def _part(request: Received, comments: Comments) -> Behaviour:
    if request.path.endswith("/count_tokens"):
        return answer(json_body={"input_tokens": COUNTED})
    if request.path == "/v1/responses":
        return _response(request)
    surface = surfaces.default(request)
    return surface or _conversation(request.json, request, comments)


def _response(request: Received) -> Behaviour:
    """The recorded stream, or the answer that it ends with."""
    if request.stream:
        return pieces([RESPONSE[:100], RESPONSE[100:]])
    (last,) = re.findall(rb'^data: (.*"type": ?"response\.completed".*)$', RESPONSE, re.M)
    return answer(json_body=json.loads(last)["response"])


def _conversation(body: dict[str, Any], request: Received, comments: Comments) -> Behaviour:
    said = last_user_text(body)
    if refused := re.search(r"refuse (\d{3})", said):
        return faults.refuse(int(refused[1]), "It was asked for.")
    if _has_result(body):
        return reply(Reply(SUNNY, tokens=TOKENS))
    if calls := _calls(body):
        return reply(Reply("Let me look.", tool_calls=calls, finish="tool_calls", tokens=TOKENS))
    if "response_format" in body or "format" in body.get("output_config", {}):
        return reply(Reply(json.dumps(REPORT), tokens=TOKENS))
    if said == "cut":
        return faults.cut()
    if "silence" in said and request.stream:
        return _silent(comments)
    return reply(echo(request))


def _has_result(body: Mapping[str, Any]) -> bool:
    last = body["messages"][-1]
    blocks = last["content"] if isinstance(last.get("content"), list) else []
    return last["role"] == "tool" or any(block.get("type") == "tool_result" for block in blocks)


def _calls(body: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """`weather` for both cities at once; any other tool is a form of the answer, and gets the report."""
    names = [tool.get("function", tool)["name"] for tool in body.get("tools", [])]
    if "weather" in names:
        return tuple(ToolCall("weather", f'{{"city": "{city}"}}', f"call_{city}") for city in CITIES)
    return tuple(ToolCall(name, json.dumps(REPORT), f"call_{name}") for name in names[:1])


def _silent(comments: Comments) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        events = stream_of(exchange, Reply("one two three", tokens=TOKENS))
        await exchange.begin(headers_of(exchange, SSE))
        said = 0
        for spoken in range(SILENCES):  # a word before each: until the first the caller has no answer
            upto = faults.LEADING[exchange.request.dialect] + spoken + 1
            await exchange.chunk(b"".join(events[said:upto]))
            said = upto
            await comments.more()
        await exchange.chunk(b"".join(events[said:]))
        await exchange.end()

    return behave
