"""POST /generate: the simple door. A prompt in, a flat answer out; in between it is a chat completion.

Streams are `data: {"content": "..."}` events, then one with the fields of the whole answer, then `data: [DONE]`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from llm.bodies import fields
from llm.bodies.fields import Kind
from llm.dialects.sse import SseDecoder, data_event
from llm.errors import InvalidRequest, UpstreamMalformed
from llm.observe import call_id
from llm.service import Call, Reply, StreamReply
from llm.spec import Request, Usage

_KINDS: Final[Mapping[str, Kind]] = {
    "prompt": "string",
    "model": "string",
    "provider_id": "string",
    "system_prompt": "string",
    "max_tokens": "integer",
    "temperature": "number",
    "stream": "boolean",
}
_INCLUDE_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')
_TRUE: Final = msgspec.Raw(b"true")
_DONE: Final = data_event(b"[DONE]")


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)
    delta: _Message = msgspec.field(default_factory=_Message)
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    """A whole answer or one chunk: only what this door tells."""

    choices: list[_Choice] = []


class Answer(msgspec.Struct):
    request_id: str
    content: str
    model: str
    provider_id: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    latency_ms: float
    created_at: str


_completion = msgspec.json.Decoder(_Completion).decode
_encode = msgspec.json.Encoder().encode


def parse(body: bytes, headers: Mapping[str, str]) -> Request:
    """InvalidRequest, with the field's name, for what this door does not know or not in this form."""
    given = fields.parse(body)
    for name in given:
        if name not in _KINDS:
            raise InvalidRequest(f"The field '{name}' is not known here.", param=name)
    fields.check(given, _KINDS)
    stream = fields.flag(given, "stream")
    chat: fields.Fields = {name: given[name] for name in ("max_tokens", "temperature") if name in given}
    chat["messages"] = msgspec.Raw(_encode(_messages(given)))
    if stream:
        chat |= {"stream": _TRUE, "stream_options": _INCLUDE_USAGE}
    return Request(dialect="openai_chat", model=_model(given), fields=chat, stream=stream)


def _messages(given: fields.Fields) -> list[dict[str, str]]:
    prompt = fields.text(given, "prompt")
    if not prompt:
        raise InvalidRequest("The field 'prompt' is required.", param="prompt")
    system = fields.text(given, "system_prompt")
    said = [{"role": "system", "content": system}] if system else []
    return [*said, {"role": "user", "content": prompt}]


def _model(given: fields.Fields) -> str:
    model, provider_id = fields.text(given, "model"), fields.text(given, "provider_id")
    if not provider_id:
        return model
    if not model:
        raise InvalidRequest("The field 'model' is required with 'provider_id'.", param="model")
    return f"{provider_id}/{model}"


def end_user(request: Request) -> str:
    return ""


def whole(reply: Reply, call: Call) -> bytes:
    """The flat answer. UpstreamMalformed where the provider's is no chat completion."""
    choice = _choice(reply.body) or _Choice()
    return _encode(
        _answer(call, choice.message.content or "", choice.finish_reason or reply.finish_reason, usage=reply.usage)
    )


async def frames(reply: StreamReply, call: Call) -> AsyncIterator[bytes]:
    decoder = SseDecoder()
    content: list[str] = []
    finish_reason = ""
    async for piece in reply:
        told: list[bytes] = []
        for frame in decoder.feed(piece):
            choice = None if not frame.data or frame.data == b"[DONE]" else _choice(frame.data)
            if choice is None:
                continue
            finish_reason = choice.finish_reason or finish_reason
            if choice.delta.content:
                content.append(choice.delta.content)
                told.append(data_event(_encode({"content": choice.delta.content})))
        if told:
            yield b"".join(told)
    summary = reply.summary
    answer = _answer(call, "".join(content), finish_reason or summary.finish_reason, usage=summary.usage)
    yield data_event(_encode(answer)) + _DONE


def _choice(data: bytes) -> _Choice | None:
    try:
        choices = _completion(data).choices
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed("The provider's answer could not be read.") from error
    return choices[0] if choices else None


def _answer(call: Call, content: str, finish_reason: str, *, usage: Usage) -> Answer:
    made = datetime.fromtimestamp(call_id.timestamp(call.call_id), UTC)
    return Answer(
        request_id=call.request_id,
        content=content,
        model=call.info.model,
        provider_id=call.info.provider,
        finish_reason=finish_reason,
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        latency_ms=call.info.latency_ms,
        created_at=made.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
