"""What the fake upstream can be told to do with one request: right answers, and the faults of WIRE.md.

A behaviour is `async (exchange) -> None`; the functions here make them. All speak the dialect of the request's path and
stream where the body asks for it. Seconds are multiplied by the server's time scale.

    upstream.script(rate_limited(retry_after=1), text("Hello"))      # used once each, then the default
    upstream.default = silence()                                       # for all that the script does not cover
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from tests.support import upstream_answers as answers
from tests.support.upstream_answers import Reply, Tokens, ToolCall
from tests.support.upstream_default import echo, include_usage
from tests.support.upstream_wire import Exchange

Behaviour = Callable[[Exchange], Awaitable[None]]

FIXTURES = Path(__file__).parent.parent / "fixtures"
SSE = "text/event-stream; charset=utf-8"
FOREVER = 24 * 3600.0


def headers_of(exchange: Exchange, content_type: str) -> dict[str, str]:
    """Content type and the provider's own request id."""
    number = exchange.request.number
    if exchange.request.dialect == "openai_chat":
        return {"content-type": content_type, "x-request-id": f"req_{number:012d}", "openai-processing-ms": "7"}
    if exchange.request.dialect == "gemini":
        return {"content-type": content_type, "server-timing": "gfet4t7; dur=7"}
    return {"content-type": content_type, "request-id": f"req_{number:012d}"}


def answer(
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    json_body: object = None,
    body: bytes | None = None,
    content_type: str = "application/json",
) -> Behaviour:
    """Exactly this answer, in either dialect."""

    async def behave(exchange: Exchange) -> None:
        data = answers.compact(json_body) if body is None else body
        await exchange.answer(status, data, {**headers_of(exchange, content_type), **(headers or {})})

    return behave


def reply(value: Reply) -> Behaviour:
    """A right answer of a model, whole or streamed as the body asks."""

    async def behave(exchange: Exchange) -> None:
        if exchange.request.stream:
            await _send_events(exchange, stream_of(exchange, value))
            return
        request = exchange.request
        whole = answers.body(request.dialect, value, number=request.number, model=request.model)
        await exchange.answer(200, answers.compact(whole), headers_of(exchange, "application/json"))

    return behave


def text(content: str, *, finish: str = "stop", tokens: Tokens | None = None) -> Behaviour:
    """`finish` in OpenAI's words (stop, length, content_filter)."""
    return reply(Reply(content, finish=finish, tokens=tokens or Tokens()))


def tools(*calls: ToolCall, content: str | None = None, tokens: Tokens | None = None) -> Behaviour:
    """Tool calls, several in parallel where several are given."""
    return reply(Reply(content, tool_calls=calls, finish="tool_calls", tokens=tokens or Tokens()))


def stream_of(exchange: Exchange, value: Reply | None = None) -> list[bytes]:
    """The events of `value` (or of the default echo) for this request."""
    request = exchange.request
    return answers.events(
        request.dialect,
        value or echo(request),
        number=request.number,
        model=request.model,
        include_usage=include_usage(request),
    )


def paced(content: str, *, pause: float) -> Behaviour:
    """A stream with `pause` seconds before each event."""

    async def behave(exchange: Exchange) -> None:
        await _send_events(exchange, stream_of(exchange, Reply(content)), pause=pause)

    return behave


def pieces(chunks: Iterable[bytes], *, pause: float = 0.0, content_type: str = SSE, status: int = 200) -> Behaviour:
    """Raw bytes, one transfer chunk each, then a clean end of the transfer."""
    kept = list(chunks)

    async def behave(exchange: Exchange) -> None:
        await exchange.begin(headers_of(exchange, content_type), status)
        for chunk in kept:
            await exchange.delay(pause)
            await exchange.chunk(chunk)
        await exchange.end()

    return behave


def fixture(name: str, *, piece_size: int | None = None) -> Behaviour:
    """A recorded answer of tests/fixtures, e.g. "openai/tools": its .sse where the body asks for a stream, else its
    .json. `piece_size` cuts the stream into transfer chunks of so many bytes."""

    async def behave(exchange: Exchange) -> None:
        if not exchange.request.stream:
            await answer(body=(FIXTURES / f"{name}.json").read_bytes())(exchange)
            return
        data = (FIXTURES / f"{name}.sse").read_bytes()
        size = piece_size or len(data)
        await pieces([data[start : start + size] for start in range(0, len(data), size)])(exchange)

    return behave


def gzipped(content: str = "compressed") -> Behaviour:
    """A right, whole answer under content-encoding gzip."""

    async def behave(exchange: Exchange) -> None:
        request = exchange.request
        whole = answers.body(request.dialect, Reply(content), number=request.number, model=request.model)
        headers = {**headers_of(exchange, "application/json"), "content-encoding": "gzip"}
        await exchange.answer(200, gzip.compress(answers.compact(whole)), headers)

    return behave


def held(then: Behaviour) -> Behaviour:
    """Nothing until the test calls `upstream.release()`, then `then`."""

    async def behave(exchange: Exchange) -> None:
        await exchange.release.wait()
        await then(exchange)

    return behave


def held_stream(content: str = "one two three", *, after: int = 2) -> Behaviour:
    """A stream that stops after `after` events until the test calls `upstream.release()`, then ends well."""

    async def behave(exchange: Exchange) -> None:
        events = stream_of(exchange, Reply(content))
        await exchange.begin(headers_of(exchange, SSE))
        await exchange.chunk(b"".join(events[:after]))
        await exchange.release.wait()
        await exchange.chunk(b"".join(events[after:]))
        await exchange.end()

    return behave


def redirect(location: str, status: int = 307) -> Behaviour:
    return answer(status, headers={"location": location}, json_body={})


async def _send_events(exchange: Exchange, events: list[bytes], *, pause: float = 0.0) -> None:
    await exchange.begin(headers_of(exchange, SSE))
    for event in events:
        await exchange.delay(pause)
        await exchange.chunk(event)
    await exchange.end()


def model_list(names: Iterable[str]) -> Behaviour:
    """GET /v1/models in the shape of the dialect."""
    kept = list(names)

    async def behave(exchange: Exchange) -> None:
        if exchange.request.dialect == "openai_chat":
            shape = {"object": "model", "created": answers.CREATED, "owned_by": "fake"}
            listing: dict[str, object] = {"object": "list", "data": [{"id": name, **shape} for name in kept]}
        else:
            shape = {"type": "model", "created_at": "2026-01-01T00:00:00Z"}
            rows = [{"id": name, "display_name": name, **shape} for name in kept]
            ends = {"first_id": kept[0] if kept else None, "last_id": kept[-1] if kept else None}
            listing = {"data": rows, "has_more": False, **ends}
        await exchange.answer(200, answers.compact(listing), headers_of(exchange, "application/json"))

    return behave
