"""The hub's tools and choice, written for a messages request."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.anthropic_messages.words import Marks
from llm.dialects.grammar import Body
from llm.dialects.neutral import Conversation, Tool, ToolCall
from llm.errors import InvalidRequest

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MODES: Final = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


def write_tools(conversation: Conversation, marks: Marks) -> Body:
    """The fields `tools` and `tool_choice`, None where they are not said."""
    if not conversation.tools:
        return _tools_of_history(conversation)
    choice: Body | None = None
    if conversation.tool_choice is not None:
        choice = {"type": _MODES[conversation.tool_choice.mode]}
        if conversation.tool_choice.name is not None:
            choice["name"] = conversation.tool_choice.name
    if conversation.parallel_tool_calls is False and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": [_tool(tool, marks) for tool in conversation.tools], "tool_choice": choice}


def is_forced(conversation: Conversation) -> bool:
    """Must the model call a tool?"""
    choice = conversation.tool_choice
    return choice is not None and choice.mode in ("required", "named")


def _tools_of_history(conversation: Conversation) -> Body:
    """Anthropic wants the tools of every call in the conversation, though the caller offers none any more: then
    they are named, and may not be called."""
    calls = [part for turn in conversation.turns for part in turn.parts if isinstance(part, ToolCall)]
    names = dict.fromkeys(call.name for call in calls)
    if is_forced(conversation):
        raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
    if not names:
        return {}
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
    return {"tools": tools, "tool_choice": {"type": "none"}}


def _tool(tool: Tool, marks: Marks) -> Body:
    written: Body = {"name": tool.name, "input_schema": _schema(tool.schema)}
    if tool.description:
        written["description"] = tool.description
    if tool.strict:
        written["strict"] = True
    return marks.put(written, tool.cache)


def _schema(schema: msgspec.Raw | None) -> object:
    """As it came; Anthropic wants its type to be said."""
    fields = {} if schema is None else _OBJECT.decode(schema)
    return schema if "type" in fields else {"type": "object", **fields}
