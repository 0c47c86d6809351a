"""The tools of a chat completions request, and which of them are to be called."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import FLAG, OBJECT, OBJECTS, TEXT, TEXT_OR_OBJECT, Fields
from llm.dialects.neutral import Tool, ToolChoice
from llm.errors import InvalidRequest

Mode: TypeAlias = Literal["auto", "none", "required"]

_MODES: Final[dict[str, Mode]] = {"auto": "auto", "none": "none", "required": "required"}


def read_tools(body: Fields) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """The choice, and the tools that it leaves: OpenAI can allow a part of them. Tools that the provider runs itself,
    and those without a schema (`custom`), are lost."""
    tools = []
    for tool in body.each("tools", body.take("tools", OBJECTS) or []):
        kind = tool.need("type", TEXT)
        if kind == "function":
            tools.append(_tool(tool))
        else:
            tool.lose(f"tools.{kind}")
    choice, kept = _tool_choice(body, tuple(tools))
    if choice is not None and choice.mode == "required" and not kept:
        raise body.wrong("tool_choice", "wants a tool, and tools has none that can be used")
    return choice, kept


def _tool(tool: Fields) -> Tool:
    function = tool.inner("function", tool.need("function", OBJECT))
    read = Tool(
        name=function.need("name", TEXT),
        description=function.take("description", TEXT),
        schema=function.carry("parameters", OBJECT),
        strict=function.take("strict", FLAG),
        cache=take_mark(tool) or take_mark(function),
    )
    function.close()
    tool.close()
    return read


def _tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    choice = body.take("tool_choice", TEXT_OR_OBJECT)
    if choice is None:
        return None, tools
    if isinstance(choice, str):
        return ToolChoice(_mode(choice, body, "tool_choice")), tools
    wanted = body.inner("tool_choice", choice)
    kind = wanted.need("type", TEXT)
    if kind == "function":
        named = wanted.inner("function", wanted.need("function", OBJECT)).need("name", TEXT)
        return ToolChoice("named", _known(named, tools)), tools
    if kind == "allowed_tools":
        return _allowed(wanted.inner("allowed_tools", wanted.need("allowed_tools", OBJECT)), tools)
    raise wanted.wrong("type", "is not supported by this model's provider")


def _allowed(allowed: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice, tuple[Tool, ...]]:
    names = set()
    for tool in allowed.each("tools", allowed.need("tools", OBJECTS)):
        kind = tool.take("type", TEXT)
        if kind not in (None, "function"):
            tool.lose(f"tools.{kind}")
            continue
        names.add(_known(tool.inner("function", tool.need("function", OBJECT)).need("name", TEXT), tools))
    return ToolChoice(_mode(allowed.need("mode", TEXT), allowed, "mode")), tuple(t for t in tools if t.name in names)


def _mode(word: str, fields: Fields, name: str) -> Mode:
    if word in _MODES:
        return _MODES[word]
    raise fields.wrong(name, "is none of auto, none, required")


def _known(name: str, tools: tuple[Tool, ...]) -> str:
    if any(tool.name == name for tool in tools):
        return name
    raise InvalidRequest("tool_choice names a tool that is not in tools.", param="tool_choice")
