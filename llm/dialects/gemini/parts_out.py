"""The hub's parts of an answer, written as Gemini's."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llm.dialects.fields import BAD_JSON, OBJECT
from llm.dialects.gemini.signature import HOME, written, written_redacted
from llm.dialects.grammar import Body
from llm.dialects.neutral import Part, RedactedThinking, Refusal, Text, Thinking, ToolCall
from llm.errors import UpstreamMalformed


def written_parts(parts: Sequence[Part], *, cut: bool) -> list[Body]:
    """`cut`: the answer ended at its bound."""
    out: list[Body] = []
    waiting: str | None = None  # a signature of Gemini's, for the next part
    for part in parts:
        if isinstance(part, Thinking | RedactedThinking):
            if waiting is not None:
                out.append(signed({"text": ""}, waiting))
            waiting = signs_the_next(part)
            if waiting is None:
                out.append(thought_part(part))
        elif isinstance(part, Text | Refusal):
            if part.text:
                out.append(signed({"text": part.text}, waiting))
                waiting = None
        elif isinstance(part, ToolCall):
            out.append(signed(call_part(part, arguments(part.arguments, cut=cut)), waiting))
            waiting = None
    return out if waiting is None else [*out, signed({"text": ""}, waiting)]


def signs_the_next(part: Thinking | RedactedThinking) -> str | None:
    """Gemini's own signature of the part behind it; None for a thought."""
    if part.origin != HOME:
        return None
    if isinstance(part, RedactedThinking):
        return part.data
    return None if part.text else part.signature


def thought_part(part: Thinking | RedactedThinking) -> Body:
    if isinstance(part, RedactedThinking):
        return {"text": "", "thought": True, "thoughtSignature": written_redacted(part)}
    signature = written(part.signature, part.origin) if part.signature else None
    return signed({"text": part.text, "thought": True}, signature)


def signed(part: Body, signature: str | None) -> Body:
    return part if signature is None else {**part, "thoughtSignature": signature}


def call_part(call: ToolCall, args: msgspec.Raw) -> Body:
    return {"functionCall": {"id": call.id, "name": call.name, "args": args}}


def arguments(text: str, *, cut: bool) -> msgspec.Raw:
    """The arguments must be an object. Of an answer that was cut at its bound the last call may be torn: it has no
    arguments then, and the finish reason (MAX_TOKENS) tells the caller not to run it."""
    if is_object(text):
        return msgspec.Raw(text.encode())
    if cut:
        return msgspec.Raw(b"{}")
    raise UpstreamMalformed("The provider's tool call has arguments that are no JSON object.")


def is_object(text: str) -> bool:
    try:
        OBJECT.decode(text)
    except BAD_JSON:
        return False
    return True
