"""A whole generateContent answer: looked at, read into the hub's answer, written from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.gemini import wire
from llm.dialects.gemini.blocks import Blocks
from llm.dialects.gemini.citations import Grounding
from llm.dialects.gemini.error import read_error, refuse_bare_error
from llm.dialects.gemini.logprobs import write_logprobs
from llm.dialects.gemini.parts_out import written_parts
from llm.dialects.gemini.relay import has_call, settled
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Citation,
    Cited,
    Delta,
    Part,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, Usage

_GLANCE: Final = msgspec.json.Decoder(wire.ResponseGlance)
_RESPONSE: Final = msgspec.json.Decoder(wire.ResponseWire)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def inspect_answer(body: bytes) -> tuple[Usage, FinishReason]:
    """Usage and finish reason of a body that goes to the caller as it is."""
    try:
        glance = _GLANCE.decode(body)
    except BAD_JSON as error:
        refuse_bare_error(body)
        raise UpstreamMalformed("The provider's answer is no generateContent response.") from error
    if not wire.absent(glance.error):
        raise read_error(body)
    usage = wire.read_usage(glance.usage_metadata)
    if not glance.candidates:
        _refuse_unless_blocked(glance.prompt_feedback)
        return usage, "content_filter"
    return usage, settled(wire.finish_reason(glance.candidates[0].finish_reason), has_call(body))


def read_answer(body: bytes, outside: Outside) -> Answer:
    try:
        response = _RESPONSE.decode(body)
    except BAD_JSON as error:
        refuse_bare_error(body)
        raise UpstreamMalformed("The provider's answer is no generateContent response.") from error
    if not wire.absent(response.error):
        raise read_error(body)
    parts: tuple[Part, ...] = ()
    reason: FinishReason = "content_filter"
    logprobs: msgspec.Raw | None = None
    if response.candidates:
        candidate = response.candidates[0]
        blocks = Blocks(outside)
        parts, logprobs = _folded([*blocks.take(candidate), *blocks.end()])
        reason = settled_reason(wire.finish_reason(candidate.finish_reason), parts)
    else:
        _refuse_unless_blocked(response.prompt_feedback)
    return Answer(
        id=response.response_id or "",
        model=response.model_version or "",
        parts=parts,
        finish_reason=reason,
        usage=wire.read_usage(response.usage_metadata),
        logprobs=logprobs,
    )


def _refuse_unless_blocked(feedback: wire.FeedbackWire | None) -> None:
    """A prompt that Google blocked has an answer without candidates."""
    if not wire.blocked(feedback):
        raise UpstreamMalformed("The provider's answer has no candidate.")


def _folded(events: Iterable[StreamEvent]) -> tuple[tuple[Part, ...], msgspec.Raw | None]:
    """The blocks as parts, and the log probabilities of all of them."""
    parts: list[Part] = []
    texts: list[str] = []
    citations: list[Citation] = []
    logprobs: list[msgspec.Raw] = []
    for event in events:
        match event:
            case BlockStart(part=part):
                parts.append(part)
                texts, citations = [], []
            case Delta(text):
                texts.append(text)
                if event.logprobs is not None:
                    logprobs += _LIST.decode(event.logprobs)
            case Cited(citation):
                citations.append(citation)
            case BlockEnd():
                parts[-1] = _whole(parts[-1], "".join(texts), tuple(citations), event)
    return tuple(parts), msgspec.Raw(msgspec.json.encode(logprobs)) if logprobs else None


def _whole(part: Part, text: str, citations: tuple[Citation, ...], end: BlockEnd) -> Part:
    if isinstance(part, Text):
        return Text(text, citations)
    if isinstance(part, Thinking):
        return Thinking(text, end.signature, end.origin)
    if isinstance(part, ToolCall):
        return ToolCall(part.id, part.name, text)
    return part


def write_answer(answer: Answer, outside: Outside) -> bytes:
    parts = written_parts(answer.parts, cut=answer.finish_reason == "length")
    candidate: Body = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": wire.finish_word(answer.finish_reason),
        "index": 0,
    }
    grounding = Grounding()
    texts = [part for part in answer.parts if isinstance(part, Text)]
    whole = "".join(part.text for part in texts)
    for citation in (citation for part in texts for citation in part.citations):
        grounding.add(citation, whole)
    if grounding:
        candidate["groundingMetadata"] = grounding.written()
    if answer.logprobs is not None:
        candidate["logprobsResult"] = write_logprobs(answer.logprobs)
    return msgspec.json.encode(
        {
            "candidates": [candidate],
            "usageMetadata": wire.write_usage(answer.usage),
            "modelVersion": answer.model or outside.model,
            "responseId": answer.id or outside.new_id(),
        }
    )
