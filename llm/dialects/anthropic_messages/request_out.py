"""The hub's conversation, written as a messages request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body
from llm.dialects.neutral import (
    Conversation,
    Image,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from llm.errors import InvalidRequest

MAX_TOKENS: Final = 4096  # Anthropic requires a bound; this one is for callers and models that name none
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRANGE_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MODES: Final = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    sampling = conversation.sampling
    if (sampling.n or 1) > 1:
        raise InvalidRequest("This model's provider gives one answer a call: n must be 1.", param="n")
    lost = _lost(conversation)
    messages = _messages(conversation.turns, lost)
    if not messages:
        raise InvalidRequest(
            "messages must hold a message with content that is not a system message.", param="messages"
        )
    body: Body = {
        "system": _system(conversation.turns) or None,
        "messages": messages,
        "max_tokens": sampling.max_tokens or default_max_tokens or MAX_TOKENS,
        "temperature": _temperature(sampling.temperature, lost),
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": _stop(sampling.stop, lost) or None,
        "metadata": {"user_id": conversation.user} if conversation.user else None,
        **_tool_fields(conversation, lost),
    }
    return {name: value for name, value in body.items() if value is not None}, tuple(lost)


def _lost(conversation: Conversation) -> dict[str, None]:
    sampling = conversation.sampling
    there = {
        "seed": sampling.seed is not None,
        "presence_penalty": bool(sampling.presence_penalty),
        "frequency_penalty": bool(sampling.frequency_penalty),
        "response_format": conversation.response_format is not None,
    }
    return {name: None for name, is_there in there.items() if is_there}


def _temperature(temperature: float | None, lost: dict[str, None]) -> float | None:
    """Anthropic's scale ends at 1, OpenAI's at 2: what is hotter becomes 1, and is named."""
    if temperature is None or temperature <= 1:
        return temperature
    lost["temperature"] = None
    return 1.0


def _stop(stop: Sequence[str], lost: dict[str, None]) -> list[str]:
    """Anthropic refuses stop sequences that are white space only."""
    kept = [sequence for sequence in stop if sequence.strip()]
    if len(kept) < len(stop):
        lost["stop"] = None
    return kept


def _system(turns: Sequence[Turn]) -> list[Body]:
    """All system and developer messages: they stand before the conversation, wherever they stood in it."""
    parts = [part for turn in turns if turn.role in ("system", "developer") for part in turn.parts]
    return [{"type": "text", "text": part.text} for part in parts if isinstance(part, Text) and part.text.strip()]


def _messages(turns: Sequence[Turn], lost: dict[str, None]) -> list[Body]:
    """Turns of the same role become one, and tool results come first in theirs: Anthropic wants all results of a
    turn's calls in the one message behind it."""
    merged: list[tuple[str, list[Part]]] = []
    for turn in turns:
        if turn.role in ("system", "developer"):
            if merged:
                lost["messages.system_position"] = None
            continue
        if not merged or merged[-1][0] != turn.role:
            merged.append((turn.role, []))
        merged[-1][1].extend(turn.parts)
    messages: list[Body] = []
    for role, parts in merged:
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
        blocks = [block for part in parts if (block := _block(part, lost)) is not None]
        if blocks:
            messages.append({"role": role, "content": blocks})
    return messages


def _block(part: Part, lost: dict[str, None]) -> Body | None:
    """None for what Anthropic refuses: blocks of empty text, and thinking that it did not sign."""
    match part:
        case Text(text) | Refusal(text):
            return {"type": "text", "text": text} if text.strip() else None
        case Image():
            return _image(part)
        case ToolCall():
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": _input(part)}
        case ToolResult():
            return _tool_result(part, lost)
        case RedactedThinking():
            return {"type": "redacted_thinking", "data": part.data}
        case Thinking():
            if part.signature:
                return {"type": "thinking", "thinking": part.text, "signature": part.signature}
            lost["reasoning_content"] = None
            return None


def _image(image: Image) -> Body:
    if image.url is not None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


def _id(call_id: str) -> str:
    """Anthropic's ids are letters, digits, _ and -; other providers' ids have more. Alike for a call and its result."""
    return _STRANGE_IN_ID.sub(lambda found: f"_{ord(found[0]):x}", call_id)


def _input(call: ToolCall) -> msgspec.Raw:
    try:
        _OBJECT.decode(call.arguments)
    except BAD_JSON as error:
        raise InvalidRequest(
            "messages: a tool call has arguments that are no JSON object.", param="messages"
        ) from error
    return msgspec.Raw(call.arguments.encode())


def _tool_result(result: ToolResult, lost: dict[str, None]) -> Body:
    block: Body = {"type": "tool_result", "tool_use_id": _id(result.call_id)}
    content = [inner for part in result.parts if (inner := _block(part, lost)) is not None]
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block


def _tool_fields(conversation: Conversation, lost: dict[str, None]) -> Body:
    if not conversation.tools:
        return _tools_of_history(conversation)
    choice: Body | None = None
    if conversation.tool_choice is not None:
        choice = {"type": _MODES[conversation.tool_choice.mode]}
        if conversation.tool_choice.name is not None:
            choice["name"] = conversation.tool_choice.name
    if conversation.parallel_tool_calls is False and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": [_tool(tool, lost) for tool in conversation.tools], "tool_choice": choice}


def _tools_of_history(conversation: Conversation) -> Body:
    """Anthropic wants the tools of every call in the conversation, though the caller offers none any more: then
    they are named, and may not be called."""
    calls = [part for turn in conversation.turns for part in turn.parts if isinstance(part, ToolCall)]
    names = dict.fromkeys(call.name for call in calls)
    if conversation.tool_choice is not None and conversation.tool_choice.mode in ("required", "named"):
        raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
    if not names:
        return {}
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
    return {"tools": tools, "tool_choice": {"type": "none"}}


def _tool(tool: Tool, lost: dict[str, None]) -> Body:
    schema = _OBJECT.decode(tool.schema) if tool.schema is not None else {}
    written: Body = {"name": tool.name, "input_schema": {"type": "object", **schema}}
    if tool.description:
        written["description"] = tool.description
    if tool.strict:
        lost["strict"] = None  # strict schemas across dialects: with the issue that brings all of them
    return written
