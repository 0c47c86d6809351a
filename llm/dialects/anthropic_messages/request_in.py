"""A messages request, read into the hub's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from llm.dialects.fields import (
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    OBJECTS,
    RAW,
    TEXT,
    TEXT_OR_OBJECTS,
    TEXTS,
    Fields,
)
from llm.dialects.images import image_of_url
from llm.dialects.neutral import (
    Conversation,
    Image,
    Part,
    RedactedThinking,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    arguments_text,
)
from llm.errors import InvalidRequest
from llm.spec import Request

ReadPart: TypeAlias = Callable[[Fields, str], Part]

_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {"auto": "auto", "none": "none", "any": "required"}


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream"):
        body.take(name, RAW)
    system = body.take("system", TEXT_OR_OBJECTS)
    turns = [Turn("system", _texts(body, "system", system))] if system else []
    turns += [_turn(message) for message in body.each("messages", body.need("messages", OBJECTS))]
    tools = _tools(body)
    choice, parallel = _tool_choice(body, tools)
    conversation = Conversation(
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        sampling=Sampling(
            max_tokens=body.take("max_tokens", INTEGER),
            temperature=body.take("temperature", NUMBER),
            top_p=body.take("top_p", NUMBER),
            top_k=body.take("top_k", INTEGER),
            stop=_stop(body),
        ),
        user=_user(body),
        stream=request.stream,
    )
    auto_tier = bytes(request.fields.get("service_tier", msgspec.Raw())) == b'"auto"'
    body.close(frozenset({"service_tier"}) if auto_tier else frozenset())
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _stop(body: Fields) -> tuple[str, ...]:
    given = body.take("stop_sequences", TEXTS)
    return tuple(given or ())


def _user(body: Fields) -> str | None:
    metadata = body.take("metadata", OBJECT)
    if metadata is None:
        return None
    fields = body.inner("metadata", metadata)
    user = fields.take("user_id", TEXT)
    fields.close()
    return user


def _texts(fields: Fields, name: str, content: str | list[dict[str, msgspec.Raw]]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = []
    for block in fields.each(name, content):
        if block.need("type", TEXT) != "text":
            raise block.wrong("type", "may only be text here")
        parts.append(Text(block.need("text", TEXT)))
        block.close()
    return tuple(parts)


def _turn(message: Fields) -> Turn:
    role = message.need("role", TEXT)
    content = message.need("content", TEXT_OR_OBJECTS)
    if role == "system":
        turn = Turn("system", _texts(message, "content", content))
    elif role == "user":
        turn = Turn("user", _parts(message, content, _user_part))
    elif role == "assistant":
        turn = Turn("assistant", _parts(message, content, _assistant_part))
    else:
        raise message.wrong("role", "is none of user, assistant, system")
    message.close()
    return turn


def _parts(message: Fields, content: str | list[dict[str, msgspec.Raw]], read: ReadPart) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = []
    for block in message.each("content", content):
        parts.append(read(block, block.need("type", TEXT)))
        block.close()
    return tuple(parts)


def _user_part(block: Fields, kind: str) -> Part:
    if kind == "tool_result":
        return _tool_result(block)
    return _text_or_image(block, kind)


def _text_or_image(block: Fields, kind: str) -> Text | Image:
    if kind == "text":
        return Text(block.need("text", TEXT))
    if kind == "image":
        return _image(block)
    raise block.wrong("type", "is not supported here by this model's provider")


def _assistant_part(block: Fields, kind: str) -> Part:
    if kind == "text":
        return Text(block.need("text", TEXT))
    if kind == "thinking":
        return Thinking(block.need("thinking", TEXT), block.take("signature", TEXT))
    if kind == "redacted_thinking":
        return RedactedThinking(block.need("data", TEXT))
    if kind == "tool_use":
        given = bytes(block.need("input", RAW))
        if not given.startswith(b"{"):
            raise block.wrong("input", "must be an object")
        return ToolCall(block.need("id", TEXT), block.need("name", TEXT), arguments_text(given.decode()))
    raise block.wrong("type", "is not supported here by this model's provider")


def _image(block: Fields) -> Image:
    source = block.inner("source", block.need("source", OBJECT))
    kind = source.need("type", TEXT)
    if kind == "base64":
        image = Image(media_type=source.need("media_type", TEXT), data=source.need("data", TEXT))
    elif kind == "url":
        found = image_of_url(source.need("url", TEXT))
        if found is None or found.url is None:
            raise source.wrong("url", "is no http(s) address")
        image = found
    else:
        raise source.wrong("type", "is not supported by this model's provider")
    source.close()
    return image


def _tool_result(block: Fields) -> ToolResult:
    content = block.take("content", TEXT_OR_OBJECTS) or ()
    parts: tuple[Text | Image, ...] = (Text(content),) if isinstance(content, str) else ()
    if not isinstance(content, str):
        parts = tuple(_result_part(part) for part in block.each("content", list(content)))
    return ToolResult(block.need("tool_use_id", TEXT), parts, block.take("is_error", FLAG) is True)


def _result_part(block: Fields) -> Text | Image:
    part = _text_or_image(block, block.need("type", TEXT))
    block.close()
    return part


def _tools(body: Fields) -> tuple[Tool, ...]:
    tools = []
    for tool in body.each("tools", body.take("tools", OBJECTS) or []):
        kind = tool.take("type", TEXT)
        if kind not in (None, "custom"):
            tool.lose(f"tools.{kind}")  # the provider's own tool, run on its side
            continue
        schema = tool.need("input_schema", OBJECT)
        tools.append(
            Tool(
                name=tool.need("name", TEXT),
                description=tool.take("description", TEXT),
                schema=msgspec.Raw(msgspec.json.encode(schema)),
                strict=tool.take("strict", FLAG),
            )
        )
        tool.close()
    return tuple(tools)


def _tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several calls may come at once (None: unsaid)."""
    given = body.take("tool_choice", OBJECT)
    if given is None:
        return None, None
    choice = body.inner("tool_choice", given)
    kind = choice.need("type", TEXT)
    parallel = False if choice.take("disable_parallel_tool_use", FLAG) else None
    if kind == "tool":
        name = choice.need("name", TEXT)
        if all(tool.name != name for tool in tools):
            raise InvalidRequest("tool_choice names a tool that is not in tools.", param="tool_choice")
        return ToolChoice("named", name), parallel
    if kind in _MODES:
        return ToolChoice(_MODES[kind]), parallel
    raise choice.wrong("type", "is none of auto, any, tool, none")
