"""A whole message: looked at, read into the hub's answer, written from it."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from llm.dialects.anthropic_messages import wire
from llm.dialects.anthropic_messages.citations import citations_of, placed, write_citation
from llm.dialects.anthropic_messages.error import read_error
from llm.dialects.anthropic_messages.events import read_block
from llm.dialects.anthropic_messages.words import HOME
from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    Answer,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    arguments_text,
    settled_reason,
)
from llm.dialects.signatures import outward
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, Usage

AnswerPart: TypeAlias = Text | Thinking | RedactedThinking | ToolCall

_GLANCE: Final = msgspec.json.Decoder(wire.MessageGlance)
_MESSAGE: Final = msgspec.json.Decoder(wire.MessageWire)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def inspect_answer(body: bytes) -> tuple[Usage, FinishReason]:
    """Usage and finish reason of a body that goes to the caller as it is."""
    try:
        glance = _GLANCE.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no message.") from error
    if not wire.absent(glance.error):
        raise read_error(glance.error)
    if not bytes(glance.content).startswith(b"["):
        raise UpstreamMalformed("The provider's answer is no message.")
    return wire.read_usage(glance.usage), wire.finish_reason(glance.stop_reason)


def read_answer(body: bytes, outside: Outside) -> Answer:
    try:
        message = _MESSAGE.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no message.") from error
    if not wire.absent(message.error):
        raise read_error(message.error)
    if message.content is None:
        raise UpstreamMalformed("The provider's answer is no message.")
    parts = _parts(message.content, outside)
    explanation = wire.explanation(message.stop_reason, message.stop_details)
    if explanation:
        parts.append(Refusal(explanation))
    return Answer(
        id=message.id or "",
        model=message.model or "",
        parts=tuple(parts),
        finish_reason=settled_reason(wire.finish_reason(message.stop_reason), parts),
        usage=wire.read_usage(message.usage),
        stop_sequence=message.stop_sequence,
    )


def _parts(content: list[msgspec.Raw], outside: Outside) -> list[Part]:
    parts: list[Part] = []
    place = 0
    for raw in content:
        block = read_block(raw)
        part = part_of(block, outside)
        if part is None:
            continue
        if isinstance(part, Text):
            end = place + len(part.text)
            part = Text(part.text, placed(citations_of(block.citations), place, end))
            place = end
        parts.append(part)
    return parts


def part_of(block: wire.BlockWire, outside: Outside) -> AnswerPart | None:
    """Without its citations. None for a block that the hub has no word for: a tool that the server ran itself, and
    its result."""
    if block.type == "text":
        return Text(block.text or "")
    if block.type == "thinking":
        signature = block.signature or None
        return Thinking(block.thinking or "", signature, HOME if signature else None)
    if block.type == "redacted_thinking":
        return RedactedThinking(block.data or "", HOME)
    if block.type != "tool_use":
        return None
    if not block.name:
        raise UpstreamMalformed("The provider's answer has a tool call without a name.")
    return ToolCall(block.id or f"toolu_{outside.new_id()}", block.name, arguments_text(arguments_of(block)))


def arguments_of(block: wire.BlockWire) -> str:
    """The input's own JSON text; "" for an empty object, as at the start of a streamed block."""
    raw = bytes(block.input)
    try:
        return "" if raw in (b"null", b"{}") else raw.decode()
    except UnicodeDecodeError as error:
        raise UpstreamMalformed("The provider's tool call cannot be read.") from error


def write_answer(answer: Answer, outside: Outside) -> bytes:
    stop_sequence = answer.stop_sequence if answer.finish_reason == "stop" else None
    cut = answer.finish_reason == "length"
    return msgspec.json.encode(
        {
            "id": wire.message_id(answer.id, outside.new_id()),
            "type": "message",
            "role": "assistant",
            "model": answer.model or outside.model,
            "content": [block for part in answer.parts if (block := _block(part, cut)) is not None],
            "stop_reason": wire.stop_reason(answer.finish_reason, stop_sequence),
            "stop_sequence": stop_sequence,
            "usage": wire.write_usage(answer.usage),
        }
    )


def _block(part: Part, cut: bool) -> Body | None:
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": _input(part.arguments, cut)}
    if isinstance(part, Text) and part.citations:
        return {"type": "text", "text": part.text, "citations": [write_citation(one) for one in part.citations]}
    return prose_block(part)


def prose_block(part: Part) -> Body | None:
    """Signatures are written so that they come back to whom they belong. None for what no answer holds."""
    if isinstance(part, Text | Refusal):
        return {"type": "text", "text": part.text}
    if isinstance(part, Thinking):
        signature = outward(part.signature, part.origin, HOME) if part.signature else ""
        return {"type": "thinking", "thinking": part.text, "signature": signature}
    if isinstance(part, RedactedThinking):
        return {"type": "redacted_thinking", "data": outward(part.data, part.origin, HOME)}
    return None


def _input(arguments: str, cut: bool) -> msgspec.Raw:
    """The input must be an object. Of an answer that was cut at its bound the last call may be torn: its input is
    empty then, and the stop reason (max_tokens) tells the caller not to run it."""
    try:
        _OBJECT.decode(arguments)
    except BAD_JSON as error:
        if cut:
            return msgspec.Raw(b"{}")
        raise UpstreamMalformed("The provider's tool call has arguments that are no JSON object.") from error
    return msgspec.Raw(arguments.encode())
