"""Gemini's generateContent as JSON: only what the gateway looks at, leniently.

Source: google-genai 3.6.1 (types.py, models.py `*_to_mldev`) and https://ai.google.dev/api/generate-content. A stream
is a row of the same objects, each with its piece of the parts; `usageMetadata` is cumulative.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.counts import counted
from llm.dialects.fields import BAD_JSON
from llm.errors import UpstreamMalformed, UpstreamRejected
from llm.spec import FinishReason, Usage

NOTHING: Final = msgspec.Raw(b"null")


class FunctionCallWire(msgspec.Struct):
    """Gemini 2 gives no `id`, Gemini 3 does."""

    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = NOTHING


class PartWire(msgspec.Struct, rename="camel"):
    """A part of an answer, of any kind: one that is not named here leaves all fields empty."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCallWire | None = None


class ContentWire(msgspec.Struct):
    parts: list[PartWire] | None = None


class CandidateWire(msgspec.Struct, rename="camel"):
    content: ContentWire | None = None
    finish_reason: str | None = None
    index: int | None = None
    grounding_metadata: msgspec.Raw = NOTHING
    citation_metadata: msgspec.Raw = NOTHING
    logprobs_result: msgspec.Raw = NOTHING


class FeedbackWire(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class ResponseWire(msgspec.Struct, rename="camel"):
    """A whole answer, or one event of a stream."""

    candidates: list[CandidateWire] | None = None
    prompt_feedback: FeedbackWire | None = None
    usage_metadata: msgspec.Raw = NOTHING
    model_version: str | None = None
    response_id: str | None = None
    error: msgspec.Raw = NOTHING


class CandidateGlance(msgspec.Struct, rename="camel", gc=False):
    finish_reason: str | None = None
    index: int | None = None


class ResponseGlance(msgspec.Struct, rename="camel"):
    """As little of an answer or an event as a relay needs."""

    candidates: list[CandidateGlance] | None = None
    prompt_feedback: FeedbackWire | None = None
    usage_metadata: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class UsageWire(msgspec.Struct, rename="camel", gc=False):
    """`prompt_token_count` includes what came from the cache; `candidates_token_count` has no thoughts in it."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None


_USAGE: Final = msgspec.json.Decoder(UsageWire)

_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
}
# The model wrote what Google itself could not read: another attempt may go better.
_BROKEN: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"})


def absent(raw: msgspec.Raw) -> bool:
    return raw is NOTHING or bytes(raw) == b"null"


def ended(word: str | None) -> bool:
    """Does this finish reason (or block reason) say that the answer is at its end?"""
    return bool(word) and not str(word).endswith("_UNSPECIFIED")


def blocked(feedback: FeedbackWire | None) -> bool:
    """Did Google block the prompt? Then there is no candidate, and that is the answer."""
    return feedback is not None and ended(feedback.block_reason)


def finish_reason(word: str | None) -> FinishReason:
    """Raises where the word says that there is no answer after all."""
    if word in _BROKEN:
        raise UpstreamMalformed("The provider's model wrote a call that cannot be read.")
    if word == "MISSING_THOUGHT_SIGNATURE":
        raise UpstreamRejected("A tool call of the conversation lacks the signature that the model gave with it.")
    return _REASONS.get(word or "", "unknown")


def finish_word(reason: FinishReason) -> str:
    return _WORDS.get(reason, "OTHER")


class UsageCount:
    """The usage of one answer, told in pieces: every piece is cumulative and may leave fields out."""

    __slots__ = ("_cached", "_candidates", "_prompt", "_thoughts", "_tools")

    def __init__(self) -> None:
        self._prompt = self._cached = self._candidates = self._thoughts = self._tools = 0

    def add(self, raw: msgspec.Raw) -> Usage | None:
        """The usage so far; None where the piece says nothing that can be read. A count never falls."""
        if absent(raw):
            return None
        try:
            wire = _USAGE.decode(raw)
        except BAD_JSON:
            return None
        self._prompt = max(self._prompt, counted(wire.prompt_token_count))
        self._cached = max(self._cached, counted(wire.cached_content_token_count))
        self._candidates = max(self._candidates, counted(wire.candidates_token_count))
        self._thoughts = max(self._thoughts, counted(wire.thoughts_token_count))
        self._tools = max(self._tools, counted(wire.tool_use_prompt_token_count))
        return Usage(
            input_tokens=self._prompt + self._tools,
            output_tokens=self._candidates + self._thoughts,
            cached_tokens=min(self._cached, self._prompt),
            reasoning_tokens=self._thoughts,
        )


def read_usage(raw: msgspec.Raw) -> Usage:
    return UsageCount().add(raw) or Usage()


def write_usage(usage: Usage) -> dict[str, int]:
    """Gemini has no word for tokens that were written to a cache: they are among the prompt's."""
    written = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens:
        written["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        written["thoughtsTokenCount"] = usage.reasoning_tokens
    return written
