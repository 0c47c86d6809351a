"""The tools of a responses request, read into the hub's words."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from llm.dialects.fields import FLAG, OBJECT, OBJECTS, TEXT, TEXT_OR_OBJECT, Fields
from llm.dialects.neutral import Tool, ToolChoice

Mode: TypeAlias = Literal["auto", "none", "required"]

_MODES: Final[dict[str, Mode]] = {"auto": "auto", "none": "none", "required": "required"}


def read_tools(body: Fields) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Where the caller allows some of its tools only, those are the tools."""
    tools = tuple(
        tool for fields in body.each("tools", body.take("tools", OBJECTS) or []) if (tool := _tool(fields)) is not None
    )
    tools, choice = _choice(body, tools)
    if choice is not None and choice.mode == "required" and not tools:
        raise body.wrong("tool_choice", "wants a call, and tools has no function that can be called")
    return tools, choice


def _tool(fields: Fields) -> Tool | None:
    """None for what OpenAI runs itself, and for tools whose input is no JSON."""
    kind = fields.need("type", TEXT)
    if kind != "function":
        fields.lose(f"tools.{kind}")
        return None
    tool = Tool(
        name=fields.need("name", TEXT),
        description=fields.take("description", TEXT),
        schema=fields.carry("parameters", OBJECT),
        strict=fields.take("strict", FLAG),
    )
    fields.close()
    return tool


def _choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    given = body.take("tool_choice", TEXT_OR_OBJECT)
    if given is None:
        return tools, None
    if isinstance(given, str):
        return tools, ToolChoice(_mode(given, body, "tool_choice"))
    choice = body.inner("tool_choice", given)
    kind = choice.need("type", TEXT)
    if kind == "function":
        name = choice.need("name", TEXT)
        if all(tool.name != name for tool in tools):
            raise body.wrong("tool_choice", "names a function that is not in tools")
        return tools, ToolChoice("named", name)
    if kind == "allowed_tools":
        return _allowed(choice, tools)
    raise body.wrong("tool_choice", "wants a tool that this model's provider does not run")


def _allowed(choice: Fields, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    mode = _mode(choice.need("mode", TEXT), choice, "mode")
    names = set()
    for fields in choice.each("tools", choice.need("tools", OBJECTS)):
        kind = fields.need("type", TEXT)
        if kind != "function":
            fields.lose(f"tools.{kind}")
            continue
        name = fields.need("name", TEXT)
        if all(tool.name != name for tool in tools):
            raise fields.wrong("name", "names a function that is not in tools")
        names.add(name)
    return tuple(tool for tool in tools if tool.name in names), ToolChoice(mode)


def _mode(word: str, fields: Fields, name: str) -> Mode:
    if word not in _MODES:
        raise fields.wrong(name, "is none of auto, none, required")
    return _MODES[word]
