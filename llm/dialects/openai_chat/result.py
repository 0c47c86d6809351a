"""A whole chat completion: looked at, read into the hub's answer, written from it."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    Answer,
    Part,
    Refusal,
    Text,
    ToolCall,
    arguments_text,
    settled_reason,
)
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.citations import read_annotations, write_annotation
from llm.dialects.openai_chat.content import thought_and_text
from llm.dialects.openai_chat.error import read_error
from llm.dialects.openai_chat.logprobs import as_list, entries_of, write_logprobs
from llm.dialects.openai_chat.thoughts import flat_text, read_details, thoughts, write_details
from llm.errors import UpstreamFailed, UpstreamMalformed
from llm.spec import FinishReason, Usage

_GLANCE: Final = msgspec.json.Decoder(wire.ChunkGlance)
_PLAIN: Final = msgspec.json.Decoder(wire.PlainAnswer)
_COMPLETION: Final = msgspec.json.Decoder(wire.CompletionWire)
_TEXT: Final = msgspec.json.Decoder(str)


def inspect_answer(body: bytes) -> tuple[Usage, FinishReason]:
    """Usage and finish reason of a body that goes to the caller as it is."""
    usage, choices = _glanced_at(body)
    if not choices:
        raise UpstreamMalformed("The provider's answer is no completion.")
    reason = choices[0].finish_reason
    refuse_error_reason(reason)
    return usage, wire.finish_reason(reason)


def _glanced_at(body: bytes) -> tuple[Usage, list[wire.ChoiceGlance] | None]:
    try:
        plain = _PLAIN.decode(body)
        return wire.usage_of(plain.usage), plain.choices
    except BAD_JSON:  # it has no usage, or an odd one, or is no answer at all
        return _looked_at(body)


def _looked_at(body: bytes) -> tuple[Usage, list[wire.ChoiceGlance] | None]:
    try:
        glance = _GLANCE.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no completion.") from error
    if glance.error is not wire.NOTHING and not wire.absent(glance.error):
        raise read_error(glance.error)
    return wire.read_usage(glance.usage) or Usage(), glance.choices


def read_answer(body: bytes, outside: Outside) -> Answer:
    try:
        completion = _COMPLETION.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no completion.") from error
    if not wire.absent(completion.error):
        raise read_error(completion.error)
    if not completion.choices:
        raise UpstreamMalformed("The provider's answer is no completion.")
    choice = completion.choices[0]
    refuse_error_reason(choice.finish_reason)
    parts = _parts(choice.message, outside)
    return Answer(
        id=completion.id or "",
        model=completion.model or "",
        parts=parts,
        finish_reason=settled_reason(wire.finish_reason(choice.finish_reason), parts),
        usage=wire.read_usage(completion.usage) or Usage(),
        logprobs=as_list(entries_of(choice.logprobs)),
    )


def refuse_error_reason(word: str | None) -> None:
    """Some servers (Mistral, OpenRouter) end an answer that broke off with the finish reason "error"."""
    if word == "error":
        raise UpstreamFailed("The provider broke its answer off.")


def _parts(message: wire.DeltaWire, outside: Outside) -> tuple[Part, ...]:
    flat, content = message.reasoning_content or message.reasoning or "", message.content
    if isinstance(content, list):
        thought, content = thought_and_text(content)
        flat += thought
    parts: list[Part] = [*thoughts(flat, read_details(message.reasoning_details))]
    citations = read_annotations(message.annotations)
    if content or citations:
        parts.append(Text(content or "", citations))
    if message.refusal:
        parts.append(Refusal(message.refusal))
    for call in message.tool_calls or ():
        if call.function is None or not call.function.name:
            raise UpstreamMalformed("The provider's answer has a tool call without a name.")
        text = arguments_of(call.function)
        parts.append(ToolCall(call.id or f"call_{outside.new_id()}", call.function.name, arguments_text(text)))
    return tuple(parts)


def arguments_of(function: wire.FunctionWire) -> str:
    """The JSON text inside the string, or of the object that some compatible servers send instead."""
    raw = bytes(function.arguments)
    if raw == b"null":
        return ""
    if not raw.startswith(b'"'):
        return raw.decode()
    try:
        return _TEXT.decode(raw)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's tool call cannot be read.") from error


def write_answer(answer: Answer, outside: Outside) -> bytes:
    logprobs = write_logprobs(answer.logprobs, of_refusal=_only_refuses(answer))
    choice = {
        "index": 0,
        "message": _message(answer),
        "logprobs": msgspec.Raw(logprobs),
        "finish_reason": wire.finish_word(answer.finish_reason, refuses=_has(answer, Refusal)),
    }
    return msgspec.json.encode(
        {
            "id": wire.completion_id(answer.id, outside.new_id()),
            "object": "chat.completion",
            "created": int(outside.clock()),
            "model": answer.model or outside.model,
            "choices": [choice],
            "usage": wire.write_usage(answer.usage),
        }
    )


def _message(answer: Answer) -> Body:
    message: Body = {
        "role": "assistant",
        "content": _joined(answer, Text),
        "refusal": _joined(answer, Refusal),
    }
    thought = flat_text(answer.parts)
    if thought:
        message["reasoning_content"] = thought
    details = write_details(answer.parts)
    if details:
        message["reasoning_details"] = details
    citations = [citation for part in answer.parts if isinstance(part, Text) for citation in part.citations]
    if citations:
        message["annotations"] = [write_annotation(citation) for citation in citations]
    calls = [write_call(part) for part in answer.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    return message


def write_call(call: ToolCall) -> Body:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _has(answer: Answer, kind: type[Text] | type[Refusal]) -> bool:
    return any(isinstance(part, kind) for part in answer.parts)


def _only_refuses(answer: Answer) -> bool:
    return _has(answer, Refusal) and not _has(answer, Text)


def _joined(answer: Answer, kind: type[Text] | type[Refusal]) -> str | None:
    texts = [part.text for part in answer.parts if isinstance(part, kind)]
    return "".join(texts) if texts else None
