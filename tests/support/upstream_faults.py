"""The faults that a gateway meets (WIRE.md), as behaviours of the fake upstream."""

from __future__ import annotations

from tests.support import upstream_answers as answers
from tests.support.upstream_answers import Reply
from tests.support.upstream_behaviours import FOREVER, SSE, Behaviour, answer, headers_of, stream_of, text
from tests.support.upstream_wire import Exchange, head

LONG = Reply("one two three four five six seven eight nine ten")
LATE = Reply("late")
# The events before the first that holds any text, and one that is broken off where its text would begin.
LEADING = {"openai_chat": 1, "anthropic_messages": 3, "gemini": 0}
GARBLED = {
    "openai_chat": b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"delta":{"content":\n\n',
    "anthropic_messages": b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":\n\n',
}


def refuse(
    status: int,
    message: str = "The request was refused.",
    *,
    code: str | None = None,
    kind: str | None = None,
    headers: dict[str, str] | None = None,
) -> Behaviour:
    """An error in the dialect's envelope. `kind` is the `type`, where it is not the one of the status."""

    async def behave(exchange: Exchange) -> None:
        request = exchange.request
        merged = {**headers_of(exchange, "application/json"), **(headers or {})}
        wait = merged.pop("retry-after", None) if request.dialect == "gemini" else None
        body = answers.error_body(
            request.dialect, status, message, code=code, kind=kind, number=request.number, retry_after=wait
        )
        await exchange.answer(status, answers.compact(body), merged)

    return behave


def rate_limited(retry_after: float | None = 1) -> Behaviour:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return refuse(429, "Rate limit reached.", code="rate_limit_exceeded", headers=headers)


def server_error(status: int = 500) -> Behaviour:
    return refuse(status, "The server had an error while processing your request.")


def overloaded() -> Behaviour:
    """503, 529 of Anthropic."""

    async def behave(exchange: Exchange) -> None:
        status = 529 if exchange.request.dialect == "anthropic_messages" else 503
        await refuse(status, "Overloaded.")(exchange)

    return behave


def context_length_exceeded() -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        if exchange.request.dialect == "openai_chat":
            message = (
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
            )
            await refuse(400, message, code="context_length_exceeded")(exchange)
        else:
            await refuse(400, "prompt is too long: 200001 tokens > 200000 maximum")(exchange)

    return behave


def content_policy() -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        if exchange.request.dialect == "openai_chat":
            await refuse(400, "Your request was rejected by our safety system.", code="content_policy_violation")(
                exchange
            )
        else:
            await refuse(400, "Output blocked by content filtering policy")(exchange)

    return behave


def reset() -> Behaviour:
    """A TCP reset instead of an answer."""

    async def behave(exchange: Exchange) -> None:
        exchange.reset()

    return behave


def close_without_answer() -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        exchange.close()

    return behave


def silence(seconds: float = FOREVER) -> Behaviour:
    """Not one byte for so long, then the connection is closed."""

    async def behave(exchange: Exchange) -> None:
        await exchange.delay(seconds)
        exchange.close()

    return behave


def late(seconds: float = 20.0, then: Behaviour | None = None) -> Behaviour:
    """Nothing at all for so long, then a right answer."""

    async def behave(exchange: Exchange) -> None:
        await exchange.delay(seconds)
        await (then or text("late"))(exchange)

    return behave


def late_first_token(seconds: float = 20.0, value: Reply = LATE) -> Behaviour:
    """The head of a stream at once, its first event after so long, then the rest."""

    async def behave(exchange: Exchange) -> None:
        await exchange.begin(headers_of(exchange, SSE))
        await exchange.delay(seconds)
        await exchange.chunk(b"".join(stream_of(exchange, value)))
        await exchange.end()

    return behave


def cut(after: int = 4, *, how: str = "close", value: Reply = LONG) -> Behaviour:
    """A stream that stops after so many events. `how`: "close" (FIN within the transfer), "reset" (RST), "end" (the
    transfer ends cleanly, the answer does not)."""

    async def behave(exchange: Exchange) -> None:
        await _first_events(exchange, after, value)
        if how == "end":
            await exchange.end()
        elif how == "reset":
            exchange.reset()
        else:
            exchange.close()

    return behave


def stall(after: int = 4, seconds: float = FOREVER, *, value: Reply = LONG) -> Behaviour:
    """A stream that says nothing more after so many events."""

    async def behave(exchange: Exchange) -> None:
        await _first_events(exchange, after, value)
        await exchange.delay(seconds)
        exchange.close()

    return behave


def stalled_body(seconds: float = FOREVER) -> Behaviour:
    """The head of a whole answer, and no byte of its body."""

    async def behave(exchange: Exchange) -> None:
        await exchange.raw(head(200, {**headers_of(exchange, "application/json"), "content-length": "1000"}))
        await exchange.delay(seconds)
        exchange.close()

    return behave


def malformed_chunk(after: int = 4) -> Behaviour:
    """One event in the middle whose data is cut JSON; the stream goes on after it."""

    async def behave(exchange: Exchange) -> None:
        events = stream_of(exchange, LONG)
        broken = events[after][: len(events[after]) // 2] + b"\n\n"
        await exchange.begin(headers_of(exchange, SSE))
        for event in [*events[:after], broken, *events[after + 1 :]]:
            await exchange.chunk(event)
        await exchange.end()

    return behave


def garbled(after: int = 4, *, value: Reply = LONG) -> Behaviour:
    """One event too many after so many: broken off before it says anything. The stream goes on, and lacks nothing."""

    async def behave(exchange: Exchange) -> None:
        events = stream_of(exchange, value)
        await exchange.begin(headers_of(exchange, SSE))
        for event in [*events[:after], GARBLED[exchange.request.dialect], *events[after:]]:
            await exchange.chunk(event)
        await exchange.end()

    return behave


def no_done(*, stalls: bool = False, value: Reply = LONG) -> Behaviour:
    """All but the last event ([DONE], message_stop); `stalls`: and the connection stays open. Gemini's mark is the end
    of the transfer: the connection is closed without it."""

    async def behave(exchange: Exchange) -> None:
        gemini = exchange.request.dialect == "gemini"
        events = stream_of(exchange, value)
        await exchange.begin(headers_of(exchange, SSE))
        await exchange.chunk(b"".join(events if gemini else events[:-1]))
        await exchange.delay(FOREVER if stalls else 0)
        if gemini:
            exchange.close()
        else:
            await exchange.end()

    return behave


def error_in_stream(after: int = 4, message: str = "The server had an error.") -> Behaviour:
    """The dialect's in-band error after so many events, then the end of the transfer."""

    async def behave(exchange: Exchange) -> None:
        await _first_events(exchange, after, LONG)
        await exchange.chunk(answers.error_event(exchange.request.dialect, message))
        await exchange.end()

    return behave


def html(status: int = 502) -> Behaviour:
    page = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>nginx</h1></body></html>"
    return answer(status, body=page, content_type="text/html")


def invalid_json(status: int = 200) -> Behaviour:
    return answer(status, body=b'{"id": "chatcmpl-1", "choices": [')


def cut_body() -> Behaviour:
    """A content-length that is not kept: the connection closes in the middle of the body."""

    async def behave(exchange: Exchange) -> None:
        await exchange.raw(
            head(200, {**headers_of(exchange, "application/json"), "content-length": "1000"}) + b'{"id": "'
        )
        exchange.close()

    return behave


def huge(size: int) -> Behaviour:
    """A JSON answer of `size` bytes, without content-length."""

    async def behave(exchange: Exchange) -> None:
        await exchange.begin(headers_of(exchange, "application/json"))
        await exchange.chunk(b'{"id": "')
        for start in range(0, size, 65536):
            await exchange.chunk(b"x" * min(65536, size - start))
        await exchange.chunk(b'"}')
        await exchange.end()

    return behave


def slow_head(seconds: float = 60.0) -> Behaviour:
    """The head byte by byte over so many seconds, then an empty answer."""

    async def behave(exchange: Exchange) -> None:
        data = head(200, {**headers_of(exchange, "application/json"), "content-length": "2"})
        for byte in data:
            await exchange.delay(seconds / len(data))
            await exchange.raw(bytes([byte]))
        await exchange.raw(b"{}")
        exchange.close()

    return behave


def big_header(size: int = 64 * 1024) -> Behaviour:
    return answer(headers={"x-big": "x" * size}, json_body={})


def not_http() -> Behaviour:
    """Bytes that are no HTTP at all."""

    async def behave(exchange: Exchange) -> None:
        await exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n\x00\xff\xfe garbage\r\n\r\n")
        exchange.close()

    return behave


def refuses_prefill(then: Behaviour) -> Behaviour:
    """A model that takes no beginning of its own answer from the caller."""

    async def behave(exchange: Exchange) -> None:
        messages = exchange.request.json.get("messages")
        last = messages[-1] if isinstance(messages, list) and messages else {}
        if isinstance(last, dict) and last.get("role") == "assistant":
            message = "This model does not support assistant message prefill."
            await refuse(400, message, code="invalid_prefill")(exchange)
        else:
            await then(exchange)

    return behave


async def _first_events(exchange: Exchange, count: int, value: Reply) -> None:
    await exchange.begin(headers_of(exchange, SSE))
    for event in stream_of(exchange, value)[:count]:
        await exchange.chunk(event)
