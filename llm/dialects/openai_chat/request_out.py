"""The hub's conversation, written as a chat completions request."""

from __future__ import annotations

from collections.abc import Sequence

from llm.dialects.grammar import Body
from llm.dialects.images import url_of_image
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
    ToolChoice,
    ToolResult,
    Turn,
)


def write_request(conversation: Conversation, *, default_max_tokens: int | None) -> tuple[Body, tuple[str, ...]]:
    """The bound is written as max_completion_tokens: reasoning models refuse the older max_tokens."""
    lost: dict[str, None] = {}
    sampling = conversation.sampling
    if sampling.top_k is not None:
        lost["top_k"] = None
    body: dict[str, object] = {
        "messages": [message for turn in conversation.turns for message in _messages(turn, lost)],
        "max_completion_tokens": sampling.max_tokens if sampling.max_tokens is not None else default_max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "n": sampling.n,
        "response_format": conversation.response_format,
        "user": conversation.user,
    }
    if conversation.tools:
        body["tools"] = [_tool(tool) for tool in conversation.tools]
        body["tool_choice"] = _tool_choice(conversation.tool_choice)
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    if conversation.stream:
        body["stream_options"] = {"include_usage": True}
    return {name: value for name, value in body.items() if value is not None}, tuple(lost)


def _tool(tool: Tool) -> Body:
    function: Body = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None) -> object:
    if choice is None:
        return None
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _messages(turn: Turn, lost: dict[str, None]) -> list[Body]:
    if turn.role == "assistant":
        return [_assistant(turn.parts, lost)]
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
    messages = [_tool_message(result, lost) for result in results]
    pictures = [part for result in results for part in _pictures(result)]
    if pictures or rest or not results:
        messages.append({"role": turn.role, "content": _content([*pictures, *rest])})
    return messages


def _tool_message(result: ToolResult, lost: dict[str, None]) -> Body:
    if result.is_error:
        lost["is_error"] = None
    texts = [part for part in result.parts if isinstance(part, Text)]
    return {"role": "tool", "tool_call_id": result.call_id, "content": _content(texts)}


def _pictures(result: ToolResult) -> list[Part]:
    """A tool message holds text only, so its images go into the user message behind it, under the call's id."""
    images: list[Part] = [part for part in result.parts if isinstance(part, Image)]
    return [Text(f"Images of the tool result {result.call_id}:"), *images] if images else []


def _content(parts: Sequence[Part]) -> object:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part) for part in parts if isinstance(part, Text | Image)]


def _part(part: Text | Image) -> Body:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": url_of_image(part)}}


def _assistant(parts: Sequence[Part], lost: dict[str, None]) -> Body:
    message: Body = {"role": "assistant", "content": None}
    texts = [part for part in parts if isinstance(part, Text)]
    if texts:
        message["content"] = _content(texts)
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    if refusal:
        message["refusal"] = refusal
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = calls
    if not (texts or refusal or calls):
        message["content"] = ""
    if any(isinstance(part, Thinking | RedactedThinking) for part in parts):
        lost["thinking"] = None
    return message


def _call(call: ToolCall) -> Body:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
