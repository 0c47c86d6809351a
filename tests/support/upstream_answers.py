"""What a provider says, in every dialect, whole and streamed (WIRE.md). Pure: no I/O, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support import upstream_gemini as gemini
from tests.support.upstream_wire import Dialect

CREATED = 1_763_900_000  # a fixed instant: answers are the same in every run

_STOP_REASON = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_OPENAI_ERROR_TYPE = {401: "invalid_request_error", 429: "rate_limit_error"}
_ANTHROPIC_ERROR_TYPE = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """As OpenAI counts: `input` includes `cached` and `cache_write`, `output` includes `reasoning`."""

    input: int = 9
    output: int = 5
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON text, sent byte for byte in the OpenAI dialect and in Anthropic's streams."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer in neutral terms. `finish` in OpenAI's words; others are sent to both dialects as they are.
    `stop_sequence` is what Anthropic reports where one ended the answer."""

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    tokens: Tokens = Tokens()
    stop_sequence: str | None = None


def body(dialect: Dialect, reply: Reply, *, number: int, model: str) -> dict[str, object]:
    """The whole answer to request `number`."""
    if dialect == "gemini":
        return gemini.body(reply, number, model)
    return (_openai_body if dialect == "openai_chat" else _anthropic_body)(reply, number, model)


def events(dialect: Dialect, reply: Reply, *, number: int, model: str, include_usage: bool = True) -> list[bytes]:
    """The streamed answer, one server-sent event each. `include_usage` matters to OpenAI only."""
    if dialect == "gemini":
        told = gemini.events(reply, words(reply.text or ""), number, model)
        return [b"data: " + compact(event) + b"\n\n" for event in told]
    if dialect == "openai_chat":
        chunks = _openai_chunks(reply, number, model, include_usage)
        return [*(b"data: " + compact(chunk) + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]
    return [anthropic_event(event) for event in _anthropic_events(reply, number, model)]


def anthropic_event(event: dict[str, object]) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + compact(event) + b"\n\n"


def error_body(
    dialect: Dialect,
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: str | None = None,
    number: int = 0,
    retry_after: str | None = None,
) -> dict[str, object]:
    """The dialect's envelope. `kind` overrides the type that belongs to the status; `retry_after` (seconds) stands in
    Google's bodies only."""
    if dialect == "gemini":
        return gemini.error_body(status, message, code=code, retry_after=retry_after)
    if dialect == "openai_chat":
        fallback = "server_error" if status >= 500 else "invalid_request_error"
        kind = kind or _OPENAI_ERROR_TYPE.get(status, fallback)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}
    kind = kind or _ANTHROPIC_ERROR_TYPE.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{number:012d}"}


def error_event(dialect: Dialect, message: str) -> bytes:
    """An error in the middle of a stream."""
    if dialect in ("openai_chat", "gemini"):
        return b"data: " + compact(error_body(dialect, 500, message)) + b"\n\n"
    return anthropic_event(error_body(dialect, 529, message))


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def words(text: str) -> list[str]:
    """The text in pieces that join to it again: one for each word."""
    return re.findall(r"\s*\S+|\s+$", text)


def _slices(text: str, size: int = 6) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _openai_usage(tokens: Tokens) -> dict[str, object]:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    }


def _openai_tool(call: ToolCall) -> dict[str, object]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _openai_body(reply: Reply, number: int, model: str) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.tool_calls:
        message["tool_calls"] = [_openai_tool(call) for call in reply.tool_calls]
    return {
        "id": f"chatcmpl-{number:012d}",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}],
        "usage": _openai_usage(reply.tokens),
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _openai_chunks(reply: Reply, number: int, model: str, include_usage: bool) -> Iterator[dict[str, object]]:
    def chunk(choices: list[dict[str, object]], usage: dict[str, object] | None = None) -> dict[str, object]:
        whole: dict[str, object] = {
            "id": f"chatcmpl-{number:012d}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model,
            "service_tier": "default",
            "system_fingerprint": "fp_fake",
            "choices": choices,
        }
        return {**whole, "usage": usage} if include_usage else whole

    def choice(delta: dict[str, object], finish: str | None = None) -> list[dict[str, object]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    first = "" if reply.text is not None else None
    yield chunk(choice({"role": "assistant", "content": first, "refusal": None}))
    for piece in words(reply.text or ""):
        yield chunk(choice({"content": piece}))
    for index, call in enumerate(reply.tool_calls):
        opening = {"index": index, **_openai_tool(ToolCall(call.name, "", call.id))}
        yield chunk(choice({"tool_calls": [opening]}))
        for part in _slices(call.arguments):
            yield chunk(choice({"tool_calls": [{"index": index, "function": {"arguments": part}}]}))
    yield chunk(choice({}, reply.finish))
    if include_usage:
        yield chunk([], _openai_usage(reply.tokens))


def _stop_reason(reply: Reply) -> str:
    return "stop_sequence" if reply.stop_sequence is not None else _STOP_REASON.get(reply.finish, reply.finish)


def _anthropic_usage(tokens: Tokens, output: int) -> dict[str, object]:
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": output,
    }


def _anthropic_message(reply: Reply, number: int, model: str) -> dict[str, object]:
    return {"id": f"msg_{number:012d}", "type": "message", "role": "assistant", "model": model}


def _anthropic_body(reply: Reply, number: int, model: str) -> dict[str, object]:
    content: list[dict[str, object]] = [{"type": "text", "text": reply.text}] if reply.text else []
    for call in reply.tool_calls:
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)})
    return {
        **_anthropic_message(reply, number, model),
        "content": content,
        "stop_reason": _stop_reason(reply),
        "stop_sequence": reply.stop_sequence,
        "usage": {**_anthropic_usage(reply.tokens, reply.tokens.output), "service_tier": "standard"},
    }


def _anthropic_events(reply: Reply, number: int, model: str) -> Iterator[dict[str, object]]:
    start: dict[str, object] = {"content": [], "stop_reason": None, "stop_sequence": None}
    usage = {**_anthropic_usage(reply.tokens, 1), "service_tier": "standard"}
    yield {"type": "message_start", "message": {**_anthropic_message(reply, number, model), **start, "usage": usage}}
    yield {"type": "ping"}
    index = 0
    if reply.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in words(reply.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for call in reply.tool_calls:
        # A tool without arguments has one empty delta, as the real service sends it first in every case.
        parts = ["", *_slices(call.arguments)] if call.arguments != "{}" else [""]
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        yield from _block(index, {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, deltas)
        index += 1
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stop_sequence}
    yield {"type": "message_delta", "delta": delta, "usage": _anthropic_usage(reply.tokens, reply.tokens.output)}
    yield {"type": "message_stop"}


def _block(index: int, block: dict[str, object], deltas: list[dict[str, str]]) -> Iterator[dict[str, object]]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
