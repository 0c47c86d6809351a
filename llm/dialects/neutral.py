"""The hub's own words: what a conversation, an answer and a stream are, in no provider's dialect.

Every dialect reads into these types and writes from them, so a new dialect needs no other one. All are frozen.
JSON that the gateway only carries (schemas, tool inputs) stays as its own text: byte for byte.

A stream is `Started (BlockStart (Delta | Cited)* BlockEnd)* Finished`: one open block at a time, all closed, numbered
from 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from llm.spec import Dialect, FinishReason, Usage

Role: TypeAlias = Literal["system", "developer", "user", "assistant"]
CacheMark: TypeAlias = Literal["5m", "1h"]
Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh"]


class Citation(msgspec.Struct, frozen=True):
    """A source of a text: `url` of a page, or the `title` of one of the caller's documents. `quote` is what is cited;
    `start` and `end` are the characters of the answer's text that it backs, where the provider says so."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None


class Text(msgspec.Struct, frozen=True):
    """`cache` marks the end of a prefix that the provider is to cache: how long ("5m", "1h"), None for no mark; so it
    does on other parts."""

    text: str
    citations: tuple[Citation, ...] = ()
    cache: CacheMark | None = None


class Image(msgspec.Struct, frozen=True):
    """Either `url` (http or https), or `media_type` and `data` (base64 text). `detail`: low, high, original; None
    leaves it to the provider."""

    url: str | None = None
    media_type: str | None = None
    data: str | None = None
    detail: str | None = None
    cache: CacheMark | None = None


class Document(msgspec.Struct, frozen=True):
    """A file to read: `url` (http or https), or `media_type` ("application/pdf", "text/plain") and `data` (base64
    text). `cited`: does the caller want the answer to cite it?"""

    url: str | None = None
    media_type: str | None = None
    data: str | None = None
    title: str | None = None
    cited: bool = False
    cache: CacheMark | None = None


class Audio(msgspec.Struct, frozen=True):
    """`media_type` ("audio/wav", "audio/mpeg") and `data` (base64 text)."""

    media_type: str
    data: str


class ToolCall(msgspec.Struct, frozen=True):
    """`arguments` is the model's JSON text, byte for byte, and never empty ("{}" where there are none)."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None


class ToolResult(msgspec.Struct, frozen=True):
    call_id: str
    parts: tuple[Text | Image | Document, ...]
    is_error: bool = False
    cache: CacheMark | None = None


class Thinking(msgspec.Struct, frozen=True):
    """What the model thought; `signature` proves to its provider that nobody changed it.

    `origin` is the dialect whose provider signed it: no other understands the signature (`llm.dialects.signatures`
    tells how the other dialects carry it to the caller and back). Where a provider signs another part (Gemini: a
    tool call), that is a Thinking without text before that part.
    """

    text: str
    signature: str | None = None
    origin: Dialect | None = None


class RedactedThinking(msgspec.Struct, frozen=True):
    """Thinking that only its provider can read. `origin` as of Thinking."""

    data: str
    origin: Dialect | None = None


class Refusal(msgspec.Struct, frozen=True):
    text: str


Part: TypeAlias = Text | Image | Document | Audio | ToolCall | ToolResult | Thinking | RedactedThinking | Refusal


class Turn(msgspec.Struct, frozen=True):
    """Tool results are parts of a user turn, tool calls of an assistant turn."""

    role: Role
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True):
    """`schema` is the JSON schema of the arguments; None: the tool takes none."""

    name: str
    description: str | None = None
    schema: msgspec.Raw | None = None
    strict: bool | None = None
    cache: CacheMark | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """`name` goes with the mode `named` only."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


class Sampling(msgspec.Struct, frozen=True):
    """None: the caller left it out. `max_tokens` bounds the whole output, thinking included."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None
    logit_bias: msgspec.Raw | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """How much the model may think. `effort` in OpenAI's words; `budget` in tokens; `off`: not at all. A caller says
    one of the three, or none with `summary` alone: does it want to see the thoughts?"""

    effort: Effort | None = None
    budget: int | None = None
    off: bool = False
    summary: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """JSON of any form (`schema` None), or by a JSON schema."""

    schema: msgspec.Raw | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Logprobs(msgspec.Struct, frozen=True):
    """The caller wants the log probability of each token, and of its `top` most likely rivals."""

    top: int = 0


class Conversation(msgspec.Struct, frozen=True):
    """A whole request. `user` is the caller's end user, `metadata` a JSON object of texts, `service_tier` in OpenAI's
    words (auto, default, flex, priority), `verbosity` (low, medium, high). `lost` names what the caller said and these
    types cannot hold."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    response_format: ResponseFormat | None = None
    logprobs: Logprobs | None = None
    user: str | None = None
    metadata: msgspec.Raw | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    stream: bool = False
    lost: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `id` and `model` are the provider's own, "" where it names none. `logprobs` is a JSON list of
    `{token, logprob, bytes, top_logprobs}`, as OpenAI's chat API words it."""

    id: str
    model: str
    parts: tuple[Part, ...]
    finish_reason: FinishReason
    usage: Usage
    stop_sequence: str | None = None
    logprobs: msgspec.Raw | None = None


class Started(msgspec.Struct, frozen=True):
    """`usage` is what is known at the start: the input at most."""

    id: str
    model: str
    usage: Usage


class BlockStart(msgspec.Struct, frozen=True):
    """`part` is the block before its first delta: its text or arguments are empty."""

    index: int
    part: Text | ToolCall | Thinking | RedactedThinking | Refusal


class Delta(msgspec.Struct, frozen=True):
    """More of the open block: text, thinking, refusal, or JSON text of a tool call's arguments. Never empty.
    `logprobs` are those of its tokens, as in Answer."""

    text: str
    logprobs: msgspec.Raw | None = None


class Cited(msgspec.Struct, frozen=True):
    """The open text block cites this."""

    citation: Citation


class BlockEnd(msgspec.Struct, frozen=True):
    """`signature` and its `origin` are those of a thinking block."""

    signature: str | None = None
    origin: Dialect | None = None


class Finished(msgspec.Struct, frozen=True):
    """`usage` is of the whole call."""

    finish_reason: FinishReason
    usage: Usage
    stop_sequence: str | None = None


StreamEvent: TypeAlias = Started | BlockStart | Delta | Cited | BlockEnd | Finished

NO_ARGUMENTS: Final = "{}"


def arguments_text(text: str) -> str:
    """The arguments of a tool call as they are kept: a call without any has "{}", never ""."""
    return text if text.strip() else text + NO_ARGUMENTS


def settled_reason(reason: FinishReason, parts: Iterable[Part]) -> FinishReason:
    """The finish reason that goes with the parts.

    A provider that was told which tool to call says "stop" (OpenAI does), though the answer is that call.
    """
    if reason != "stop":
        return reason
    kinds = {type(part) for part in parts}
    if ToolCall in kinds:
        return "tool_calls"
    return "refusal" if Refusal in kinds else "stop"
