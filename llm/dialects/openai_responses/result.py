"""A whole response: looked at, read into the hub's answer, written from it."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    settled_reason,
)
from llm.dialects.openai_responses import response as objects
from llm.dialects.openai_responses import wire
from llm.dialects.openai_responses.error import read_error
from llm.dialects.openai_responses.items import item_of, logprobs_of, parts_of
from llm.dialects.openai_responses.logprobs import EntryWire, read_entries, shared_out, written
from llm.dialects.openai_responses.output import Output
from llm.dialects.openai_responses.relay import failure, settled
from llm.dialects.openai_responses.sources import moved
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, Usage

_RESPONSE: Final = msgspec.json.Decoder(wire.ResponseWire)
_RUNNING: Final = frozenset({"queued", "in_progress"})


def inspect_answer(body: bytes) -> tuple[Usage, FinishReason]:
    """Usage and finish reason of a body that goes to the caller as it is. One that runs in the background has neither
    yet."""
    response = _read(body)
    usage = wire.read_usage(response.usage) or Usage()
    if response.status in _RUNNING:
        return usage, "unknown"
    reason = wire.finish_reason(response, incomplete=response.status == "incomplete")
    return usage, settled(reason, response.output or ())


def read_answer(body: bytes, outside: Outside) -> Answer:
    response = _read(body)
    if response.status in _RUNNING:
        raise UpstreamMalformed("The provider's answer is not finished.")
    parts: list[Part] = []
    logprobs: list[EntryWire] = []
    for raw in response.output or ():
        item = item_of(raw)
        if item is not None:
            before = sum(len(part.text) for part in parts if isinstance(part, Text))
            parts += [_placed(part, before) for part in parts_of(item, outside)]
            logprobs += logprobs_of(item)
    reason = wire.finish_reason(response, incomplete=response.status == "incomplete")
    return Answer(
        id=response.id or "",
        model=response.model or "",
        parts=tuple(parts),
        finish_reason=settled_reason(reason, parts),
        usage=wire.read_usage(response.usage) or Usage(),
        logprobs=written(logprobs),
    )


def _read(body: bytes) -> wire.ResponseWire:
    try:
        response = _RESPONSE.decode(body)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer is no response.") from error
    if response.status in ("failed", "cancelled"):
        raise failure(response)
    if not wire.absent(response.error):
        raise read_error(response.error)
    if response.output is None and response.status not in _RUNNING:
        raise UpstreamMalformed("The provider's answer is no response.")
    return response


def _placed(part: Part, before: int) -> Part:
    if not isinstance(part, Text) or not part.citations:
        return part
    return msgspec.structs.replace(part, citations=tuple(moved(citation, before) for citation in part.citations))


def write_answer(answer: Answer, outside: Outside) -> bytes:
    base = outside.new_id()
    output = Output(base)
    texts = [part.text for part in answer.parts if isinstance(part, Text)]
    entries = shared_out(read_entries(answer.logprobs), texts)
    for index, part in enumerate(answer.parts):
        if isinstance(part, Text | Refusal | ToolCall | Thinking | RedactedThinking):
            output.open(BlockStart(index, part))
            _tell(output, part, next(entries) if isinstance(part, Text) else [])
    incomplete = wire.incomplete_word(answer.finish_reason, refused=output.refused)
    output.finish("completed" if incomplete is None else "incomplete")
    begun = objects.begun(answer.id, answer.model, outside, base)
    return msgspec.json.encode(objects.ended(begun, output.items, incomplete, answer.usage, outside))


def _tell(output: Output, part: Part, entries: list[EntryWire]) -> None:
    end = BlockEnd()
    match part:
        case Text():
            for citation in part.citations:
                output.cite(citation)
            output.say(part.text, entries)
        case Refusal(text):
            output.say(text, [])
        case ToolCall():
            output.say(part.arguments, [])
        case Thinking(text, signature, origin):
            output.say(text, [])
            end = BlockEnd(signature, origin)
    output.close(end)
