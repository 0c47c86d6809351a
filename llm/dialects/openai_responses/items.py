"""Items of a provider's answer, read into the hub's parts. Those of a type that the hub has no word for are skipped:
what OpenAI ran itself, and what is no text."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Part, RedactedThinking, Refusal, Text, Thinking, ToolCall, arguments_text
from llm.dialects.openai_responses import sources
from llm.dialects.openai_responses.logprobs import EntryWire, read_entries
from llm.dialects.openai_responses.signature import thought_of
from llm.dialects.openai_responses.wire import ItemWire, PartWire, absent, type_of
from llm.errors import UpstreamMalformed

KNOWN: Final = frozenset({"message", "function_call", "reasoning"})
_ITEM: Final = msgspec.json.Decoder(ItemWire)
_PART: Final = msgspec.json.Decoder(PartWire)


def item_of(raw: msgspec.Raw) -> ItemWire | None:
    """None for an item of another type."""
    if type_of(raw) not in KNOWN:
        return None
    try:
        return _ITEM.decode(raw)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer holds an item that cannot be read.") from error


def part_of(raw: msgspec.Raw) -> PartWire:
    """A part of a type that is not known may be anything, so it is one that says nothing."""
    try:
        return _PART.decode(raw)
    except BAD_JSON:
        return PartWire()


def parts_of(item: ItemWire, outside: Outside) -> list[Part]:
    if item.type == "function_call":
        call = call_of(item, outside)
        return [ToolCall(call.id, call.name, arguments_text(item.arguments or ""))]
    if item.type == "reasoning":
        thought = thought_of_item(item)
        return [] if thought is None else [thought]
    parts = [prose_of(part_of(raw)) for raw in item.content or ()]
    return [part for part in parts if part is not None]


def prose_of(part: PartWire) -> Text | Refusal | None:
    """A text with its sources, their places counted in the message. None for a part that is neither."""
    if part.type == "output_text":
        return Text(part.text or "", tuple(sources.read_all(part.annotations)))
    return Refusal(part.refusal or "") if part.type == "refusal" else None


def call_of(item: ItemWire, outside: Outside) -> ToolCall:
    """Without its arguments."""
    if not item.name:
        raise UpstreamMalformed("The provider's answer has a tool call without a name.")
    return ToolCall(item.call_id or f"call_{outside.new_id()}", item.name, "")


def thought_of_item(item: ItemWire) -> Thinking | RedactedThinking | None:
    """Open models tell what they thought (`content`), OpenAI's a summary of it."""
    told = _joined(item.content) or _joined(item.summary)
    return thought_of(told, item.id, item.encrypted_content)


def _joined(raws: list[msgspec.Raw] | None) -> str:
    texts = [part_of(raw).text for raw in raws or ()]
    return "\n\n".join(text for text in texts if text)


def logprobs_of(item: ItemWire) -> list[EntryWire]:
    found: list[EntryWire] = []
    for raw in item.content or ():
        part = part_of(raw)
        if part.type == "output_text" and not absent(part.logprobs):
            found += read_entries(part.logprobs)
    return found
