"""OpenAI's responses as JSON: only what the gateway looks at, leniently.

Source: the openai SDK's types (openai/types/responses, 3.54) and WIRE.md. Items and events of a type that is not
known here may have fields of any form, so their type is read before anything else of them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.counts import counted, within
from llm.dialects.fields import BAD_JSON
from llm.spec import FinishReason, Usage

NOTHING: Final = msgspec.Raw(b"null")

# What the caller has to run, and answer in its next request: not OpenAI's own searches.
CALLS: Final = frozenset({"function_call", "custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call"})


class TypeGlance(msgspec.Struct, gc=False):
    """As little of an item, a part or an event as has to be known first."""

    type: str = ""


class EventGlance(msgspec.Struct):
    """As little of an event as a relay needs. An error without a type comes from compatible servers."""

    type: str = ""
    error: msgspec.Raw = NOTHING


class IncompleteWire(msgspec.Struct, gc=False):
    reason: str | None = None


class PartWire(msgspec.Struct):
    """A part of a message (output_text, refusal), or of a reasoning item (summary_text, reasoning_text)."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: msgspec.Raw = NOTHING
    logprobs: msgspec.Raw = NOTHING


class ItemWire(msgspec.Struct):
    """An item of a known type: message, function_call, reasoning. `content` is of the first and the last."""

    type: str
    id: str | None = None
    content: list[msgspec.Raw] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    summary: list[msgspec.Raw] | None = None
    encrypted_content: str | None = None


class ResponseWire(msgspec.Struct):
    """A whole answer, or what a stream's event tells of it."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    incomplete_details: IncompleteWire | None = None


class ResponseEventWire(msgspec.Struct):
    response: ResponseWire


class EventWire(msgspec.Struct):
    """An event about one item of the answer; an error where it has no type."""

    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: str = ""
    logprobs: msgspec.Raw = NOTHING
    part: msgspec.Raw = NOTHING
    item: msgspec.Raw = NOTHING
    annotation: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class InputDetailsWire(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetailsWire(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class UsageWire(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetailsWire | None = None
    output_tokens_details: OutputDetailsWire | None = None


_USAGE: Final = msgspec.json.Decoder(UsageWire)
_TYPE: Final = msgspec.json.Decoder(TypeGlance)

_INCOMPLETE: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def absent(raw: msgspec.Raw) -> bool:
    return raw is NOTHING or bytes(raw) == b"null"


def type_of(raw: bytes | msgspec.Raw) -> str:
    """ "" for what has none."""
    try:
        return _TYPE.decode(raw).type
    except BAD_JSON:
        return ""


def finish_reason(response: ResponseWire, *, incomplete: bool) -> FinishReason:
    if not incomplete:
        return "stop"
    details = response.incomplete_details
    return _INCOMPLETE.get((details and details.reason) or "", "unknown")


def incomplete_word(reason: FinishReason, *, refused: bool) -> str | None:
    """Why an answer is not complete; None where it is. `refused`: it says so itself, in a refusal."""
    if reason == "length":
        return "max_output_tokens"
    return "content_filter" if reason == "content_filter" or (reason == "refusal" and not refused) else None


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """None where there is none, or none that can be read: a strange usage is no reason to lose an answer.

    input_tokens includes cached tokens and tokens written to the cache.
    """
    if absent(raw):
        return None
    try:
        wire = _USAGE.decode(raw)
    except BAD_JSON:
        return None
    read = wire.input_tokens_details or InputDetailsWire()
    written = wire.output_tokens_details or OutputDetailsWire()
    total, output = counted(wire.input_tokens), counted(wire.output_tokens)
    cached = within(read.cached_tokens, total)
    return Usage(
        input_tokens=total,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=within(read.cache_write_tokens, total - cached),
        reasoning_tokens=within(written.reasoning_tokens, output),
    )


def write_usage(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
