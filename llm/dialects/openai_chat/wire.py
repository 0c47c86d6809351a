"""OpenAI chat completions as JSON: only what the gateway looks at, leniently.

Source: the openai SDK's types (3.54) and WIRE.md. Fields outside the specification: `reasoning_content` (DeepSeek
and others), `reasoning` and `reasoning_details` (OpenRouter), `prompt_cache_hit_tokens` (DeepSeek), a list as
`content` (Mistral).
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.counts import counted, within
from llm.dialects.fields import BAD_JSON
from llm.spec import FinishReason, Usage

NOTHING: Final = msgspec.Raw(b"null")


class FunctionWire(msgspec.Struct, gc=False):
    """`arguments` is JSON text in a string; some compatible servers send the object itself."""

    name: str | None = None
    arguments: msgspec.Raw = NOTHING


class ToolCallWire(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionWire | None = None


class DeltaWire(msgspec.Struct):
    """A streamed delta, or the message of a whole answer."""

    content: str | list[msgspec.Raw] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: msgspec.Raw = NOTHING
    annotations: msgspec.Raw = NOTHING
    tool_calls: list[ToolCallWire] | None = None


class StreamChoiceWire(msgspec.Struct):
    index: int = 0
    delta: DeltaWire | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NOTHING


class ChunkWire(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[StreamChoiceWire] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class ChoiceGlance(msgspec.Struct, gc=False):
    index: int = 0
    finish_reason: str | None = None


class ChunkGlance(msgspec.Struct, gc=False):
    """As little of a chunk, or of a whole answer, as a relay needs."""

    choices: list[ChoiceGlance] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class PromptDetailsWire(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionDetailsWire(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class UsageWire(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetailsWire | None = None
    completion_tokens_details: CompletionDetailsWire | None = None
    prompt_cache_hit_tokens: int | None = None


class PlainAnswer(msgspec.Struct, gc=False):
    """A whole answer whose usage has the form that it should have, and that is no error."""

    choices: list[ChoiceGlance]
    usage: UsageWire
    error: None = None


class PlainDelta(msgspec.Struct, gc=False):
    content: str | None = None


class PlainChoice(msgspec.Struct, gc=False):
    delta: PlainDelta
    index: int = 0
    finish_reason: None = None


class PlainChunk(msgspec.Struct, gc=False):
    """A chunk out of an answer's middle: whatever is more than that is none."""

    choices: tuple[PlainChoice]
    usage: None = None
    error: None = None


class ChoiceWire(msgspec.Struct):
    message: DeltaWire
    index: int = 0
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NOTHING


class CompletionWire(msgspec.Struct):
    choices: list[ChoiceWire] | None = None
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


_USAGE: Final = msgspec.json.Decoder(UsageWire)

_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",  # Mistral: the context window is full
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def absent(raw: msgspec.Raw) -> bool:
    return raw is NOTHING or bytes(raw) == b"null"


def finish_reason(word: str | None) -> FinishReason:
    return _REASONS.get(word or "", "unknown")


def finish_word(reason: FinishReason, *, refuses: bool = False) -> str:
    """The client's types know five words only; what has none of its own (a pause) is a stop. An answer that `refuses`
    in the field of its own for that is a stop too, as OpenAI has it."""
    if refuses and reason == "refusal":
        return "stop"
    return _WORDS.get(reason, "stop")


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """None where there is none, or none that can be read: a strange usage is no reason to lose an answer.

    prompt_tokens includes cached tokens and tokens written to the cache.
    """
    if absent(raw):
        return None
    try:
        return usage_of(_USAGE.decode(raw))
    except BAD_JSON:
        return None


def usage_of(wire: UsageWire) -> Usage:
    prompt, completion = wire.prompt_tokens_details, wire.completion_tokens_details
    found = Usage(counted(wire.prompt_tokens), counted(wire.completion_tokens))
    cached = (prompt and prompt.cached_tokens) or wire.prompt_cache_hit_tokens
    if cached:
        found.cached_tokens = within(cached, found.input_tokens)
    if prompt and prompt.cache_write_tokens:
        found.cache_write_tokens = within(prompt.cache_write_tokens, found.input_tokens - found.cached_tokens)
    if completion and completion.reasoning_tokens:
        found.reasoning_tokens = within(completion.reasoning_tokens, found.output_tokens)
    return found


def write_usage(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def completion_id(provider_id: str, new_id: str) -> str:
    """An id of our form that still tells the provider's own."""
    for prefix in ("msg_", "resp_", "chatcmpl-"):
        provider_id = provider_id.removeprefix(prefix)
    return "chatcmpl-" + (provider_id or new_id)
