"""The tools of a messages request, and which of them the model is to call."""

from __future__ import annotations

from typing import Final, Literal

from llm.dialects.anthropic_messages.words import need_object
from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import FLAG, OBJECT, OBJECTS, RAW, TEXT, Fields
from llm.dialects.neutral import Tool, ToolChoice
from llm.errors import InvalidRequest

_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {"auto": "auto", "none": "none", "any": "required"}
# How a tool is offered, with the value that says nothing.
_USUAL: Final = {
    "defer_loading": (b"false",),
    "eager_input_streaming": (b"false",),
    "allowed_callers": (b'["direct"]', b'[ "direct" ]'),
}


def read_tools(body: Fields) -> tuple[Tool, ...]:
    tools = []
    for tool in body.each("tools", body.take("tools", OBJECTS) or []):
        kind = tool.take("type", TEXT)
        if kind not in (None, "custom"):
            tool.lose(f"tools.{kind}")  # the provider's own: run on its side, or known to its models only
            continue
        tools.append(_tool(tool))
    return tuple(tools)


def _tool(tool: Fields) -> Tool:
    read = Tool(
        name=tool.need("name", TEXT),
        description=tool.take("description", TEXT),
        schema=need_object(tool, "input_schema"),
        strict=tool.take("strict", FLAG),
        cache=take_mark(tool),
    )
    for name, usual in _USUAL.items():
        said = tool.take(name, RAW)
        if said is not None and bytes(said) not in usual:
            tool.lose(name)
    tool.close()
    return read


def read_tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several calls may come at once (None: unsaid)."""
    given = body.take("tool_choice", OBJECT)
    if given is None:
        return None, None
    choice = body.inner("tool_choice", given)
    kind = choice.need("type", TEXT)
    parallel = False if choice.take("disable_parallel_tool_use", FLAG) else None
    read = _choice(choice, kind, tools)
    choice.close()
    return read, parallel


def _choice(choice: Fields, kind: str, tools: tuple[Tool, ...]) -> ToolChoice:
    if kind == "tool":
        name = choice.need("name", TEXT)
        if all(tool.name != name for tool in tools):
            raise InvalidRequest(
                "tool_choice names a tool that is not in tools, or that this model's provider does not run.",
                param="tool_choice",
            )
        return ToolChoice("named", name)
    if kind not in _MODES:
        raise choice.wrong("type", "is none of auto, any, tool, none")
    if kind == "any" and not tools:
        raise InvalidRequest("tool_choice wants a tool, and tools has none that can be used.", param="tool_choice")
    return ToolChoice(_MODES[kind])
