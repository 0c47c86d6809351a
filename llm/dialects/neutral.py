"""The hub's own words: what a conversation, an answer and a stream are, in no provider's dialect.

Every dialect reads into these types and writes from them, so a new dialect needs no other one. All are frozen.
JSON that the gateway only carries (schemas, tool inputs) stays as its own text: byte for byte.

A stream is `Started (BlockStart Delta* BlockEnd)* Finished`: one open block at a time, all closed, numbered from 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from llm.spec import FinishReason, Usage

Role: TypeAlias = Literal["system", "developer", "user", "assistant"]


class Text(msgspec.Struct, frozen=True):
    text: str


class Image(msgspec.Struct, frozen=True):
    """Either `url` (http or https), or `media_type` and `data` (base64 text)."""

    url: str | None = None
    media_type: str | None = None
    data: str | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """`arguments` is the model's JSON text, byte for byte, and never empty ("{}" where there are none)."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True):
    call_id: str
    parts: tuple[Text | Image, ...]
    is_error: bool = False


class Thinking(msgspec.Struct, frozen=True):
    """What the model thought; `signature` proves to its provider that nobody changed it."""

    text: str
    signature: str | None = None


class RedactedThinking(msgspec.Struct, frozen=True):
    data: str


class Refusal(msgspec.Struct, frozen=True):
    text: str


Part: TypeAlias = Text | Image | ToolCall | ToolResult | Thinking | RedactedThinking | Refusal


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


class Conversation(msgspec.Struct, frozen=True):
    """A whole request. `response_format` is carried as OpenAI's chat API words it; `user` is the caller's end user.
    `lost` names what the caller said and these types cannot hold."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = Sampling()
    response_format: msgspec.Raw | None = None
    user: str | None = None
    stream: bool = False
    lost: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `id` and `model` are the provider's own, "" where it names none."""

    id: str
    model: str
    parts: tuple[Part, ...]
    finish_reason: FinishReason
    usage: Usage
    stop_sequence: str | None = None


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
    """More of the open block: text, thinking, refusal, or JSON text of a tool call's arguments. Never empty."""

    text: str


class BlockEnd(msgspec.Struct, frozen=True):
    """`signature` is the signature of a thinking block."""

    signature: str | None = None


class Finished(msgspec.Struct, frozen=True):
    """`usage` is of the whole call."""

    finish_reason: FinishReason
    usage: Usage
    stop_sequence: str | None = None


StreamEvent: TypeAlias = Started | BlockStart | Delta | BlockEnd | Finished

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
