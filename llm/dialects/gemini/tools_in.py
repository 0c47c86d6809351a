"""The tools of a generateContent request, read into the hub's words."""

from __future__ import annotations

from typing import Final, Literal

from llm.dialects.fields import FLAG, RAW, TEXT, TEXTS, Fields
from llm.dialects.gemini.names import many, one
from llm.dialects.gemini.schema import take_schema
from llm.dialects.neutral import Tool, ToolChoice

_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {
    "AUTO": "auto",
    "VALIDATED": "auto",  # auto, and arguments that follow their schema
    "NONE": "none",
    "ANY": "required",
}
# `{}` switches most of them on.
_GOOGLES: Final = (
    "googleSearch",
    "googleSearchRetrieval",
    "googleMaps",
    "codeExecution",
    "urlContext",
    "fileSearch",
    "computerUse",
    "enterpriseWebSearch",
    "retrieval",
    "mcpServers",
)


def read_tools(body: Fields) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """Where the caller allows some of its tools only, those are the tools."""
    tools: list[Tool] = []
    for group in many(body, "tools"):
        tools += [_tool(declaration) for declaration in many(group, "functionDeclarations")]
        for name in _GOOGLES:
            if group.take(name, RAW) is not None:
                group.lose(f"tools.{name}")  # run on Google's side
        group.close()
    return _choice(body, tuple(tools))


def _tool(declaration: Fields) -> Tool:
    tool = Tool(
        name=declaration.need("name", TEXT),
        description=declaration.take("description", TEXT),
        schema=take_schema(declaration, plain=("parametersJsonSchema",), own="parameters"),
    )
    declaration.close()
    return tool


def _choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    config = one(body, "toolConfig")
    calling = None if config is None else one(config, "functionCallingConfig")
    if config is not None:
        config.close()
    if calling is None:
        return tools, None
    mode = (calling.take("mode", TEXT) or "MODE_UNSPECIFIED").upper()
    names = calling.take("allowedFunctionNames", TEXTS) or []
    if calling.take("streamFunctionCallArguments", FLAG):
        calling.lose("streamFunctionCallArguments")
    calling.close()
    if mode == "MODE_UNSPECIFIED":
        return tools, None
    if mode not in _MODES:
        raise calling.wrong("mode", "is none of AUTO, ANY, NONE, VALIDATED")
    if set(names) - {tool.name for tool in tools}:
        raise calling.wrong("allowedFunctionNames", "names a function that is not in tools")
    if mode == "ANY" and not tools:
        raise calling.wrong("mode", "wants a call, and tools has no function that can be called")
    if mode == "ANY" and len(set(names)) == 1:
        return tools, ToolChoice("named", names[0])
    allowed = tuple(tool for tool in tools if tool.name in names) if names and mode != "NONE" else tools
    return allowed, ToolChoice(_MODES[mode])
