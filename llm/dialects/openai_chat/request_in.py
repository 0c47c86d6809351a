"""A chat completions request, read into the hub's words."""

from __future__ import annotations

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
    TEXT_OR_OBJECT,
    TEXT_OR_OBJECTS,
    TEXT_OR_TEXTS,
    TEXTS,
    Fields,
)
from llm.dialects.images import image_of_url
from llm.dialects.neutral import (
    Conversation,
    Image,
    Part,
    Refusal,
    Role,
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

Mode: TypeAlias = Literal["auto", "none", "required"]

_MODES: Final[dict[str, Mode]] = {"auto": "auto", "none": "none", "required": "required"}
_PLAIN_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}
# Sent by many clients with the value that means "off": then nothing is lost.
_OFF: Final = {
    "logprobs": b"false",
    "store": b"false",
    "top_logprobs": b"0",
    "service_tier": b'"auto"',
}


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream", "stream_options"):
        body.take(name, RAW)
    _refuse_what_changes_the_meaning(body)
    turns = tuple(_turn(message) for message in body.each("messages", body.need("messages", OBJECTS)))
    tools = _tools(body)
    choice, tools = _tool_choice(body, tools)
    conversation = Conversation(
        turns=turns,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.take("parallel_tool_calls", FLAG),
        sampling=_sampling(body),
        response_format=_response_format(body),
        user=_user(body),
        stream=request.stream,
    )
    body.close(frozenset(name for name, off in _OFF.items() if _says(request, name, off)))
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _says(request: Request, name: str, value: bytes) -> bool:
    raw = request.fields.get(name)
    return raw is not None and bytes(raw) == value


def _refuse_what_changes_the_meaning(body: Fields) -> None:
    for name in ("functions", "function_call"):
        if body.take(name, RAW) is not None:
            raise body.wrong(name, "is not supported by this model's provider: use tools")
    if set(body.take("modalities", TEXTS) or ()) - {"text"}:
        raise body.wrong("modalities", "may only be text with this model's provider")


def _user(body: Fields) -> str | None:
    return body.take("user", TEXT) or body.take("safety_identifier", TEXT)


def _response_format(body: Fields) -> msgspec.Raw | None:
    wanted = body.take("response_format", OBJECT)
    if wanted is None:
        return None
    kind = body.inner("response_format", dict(wanted)).need("type", TEXT)
    return None if kind == "text" else msgspec.Raw(msgspec.json.encode(wanted))


def _sampling(body: Fields) -> Sampling:
    bound, old_bound = body.take("max_completion_tokens", INTEGER), body.take("max_tokens", INTEGER)
    stop = body.take("stop", TEXT_OR_TEXTS) or ()
    return Sampling(
        max_tokens=bound if bound is not None else old_bound,
        temperature=body.take("temperature", NUMBER),
        top_p=body.take("top_p", NUMBER),
        top_k=body.take("top_k", INTEGER),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.take("seed", INTEGER),
        presence_penalty=body.take("presence_penalty", NUMBER),
        frequency_penalty=body.take("frequency_penalty", NUMBER),
        n=body.take("n", INTEGER),
    )


def _turn(message: Fields) -> Turn:
    role = message.need("role", TEXT)
    if role in _PLAIN_ROLES:
        plain = _PLAIN_ROLES[role]
        turn = Turn(plain, _content(message, plain))
    elif role == "assistant":
        turn = Turn("assistant", _assistant(message))
    elif role == "tool":
        turn = Turn("user", (_tool_result(message),))
    else:
        raise message.wrong("role", "is none of system, developer, user, assistant, tool")
    message.close()
    return turn


def _content(message: Fields, role: Role) -> tuple[Part, ...]:
    return _parts(message, role, message.need("content", TEXT_OR_OBJECTS))


def _parts(message: Fields, role: Role, content: str | list[dict[str, msgspec.Raw]]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = []
    for part in message.each("content", content):
        parts.append(_part(part, role))
        part.close()
    return tuple(parts)


def _part(part: Fields, role: Role) -> Part:
    kind = part.need("type", TEXT)
    if kind == "text":
        return Text(part.need("text", TEXT))
    if kind == "refusal" and role == "assistant":
        return Refusal(part.need("refusal", TEXT))
    if kind == "image_url" and role == "user":
        return _image(part)
    raise part.wrong("type", "is not supported here by this model's provider")


def _image(part: Fields) -> Image:
    source = part.inner("image_url", part.need("image_url", OBJECT))
    if source.take("detail", TEXT) not in (None, "auto"):
        source.lose("detail")
    image = image_of_url(source.need("url", TEXT))
    if image is None:
        raise source.wrong("url", "is neither an http(s) address nor a base64 data URL")
    source.close()
    return image


def _assistant(message: Fields) -> tuple[Part, ...]:
    if message.take("function_call", RAW) is not None:
        raise message.wrong("function_call", "is not supported by this model's provider: use tool_calls")
    parts: list[Part] = []
    thought = message.take("reasoning_content", TEXT) or message.take("reasoning", TEXT)
    if thought:
        parts.append(Thinking(thought))
    content = message.take("content", TEXT_OR_OBJECTS)
    if content:
        parts.extend(_parts(message, "assistant", content))
    refusal = message.take("refusal", TEXT)
    if refusal:
        parts.append(Refusal(refusal))
    for call in message.each("tool_calls", message.take("tool_calls", OBJECTS) or []):
        parts.append(_tool_call(call))
    return tuple(parts)


def _tool_call(call: Fields) -> ToolCall:
    if call.take("type", TEXT) not in (None, "function"):
        raise call.wrong("type", "may only be function with this model's provider")
    function = call.inner("function", call.need("function", OBJECT))
    read = ToolCall(
        id=call.need("id", TEXT),
        name=function.need("name", TEXT),
        arguments=arguments_text(function.take("arguments", TEXT) or ""),
    )
    call.take("index", INTEGER)  # left over from a streamed delta by some clients
    function.close()
    call.close()
    return read


def _tool_result(message: Fields) -> ToolResult:
    content = message.take("content", TEXT_OR_OBJECTS)
    parts = _parts(message, "user", content) if content else ()
    return ToolResult(
        call_id=message.need("tool_call_id", TEXT),
        parts=tuple(part for part in parts if isinstance(part, Text | Image)),
    )


def _tools(body: Fields) -> tuple[Tool, ...]:
    tools = []
    for tool in body.each("tools", body.take("tools", OBJECTS) or []):
        kind = tool.need("type", TEXT)
        if kind != "function":
            tool.lose(f"tools.{kind}")
            continue
        function = tool.inner("function", tool.need("function", OBJECT))
        schema = function.take("parameters", OBJECT)
        tools.append(
            Tool(
                name=function.need("name", TEXT),
                description=function.take("description", TEXT),
                schema=None if schema is None else msgspec.Raw(msgspec.json.encode(schema)),
                strict=function.take("strict", FLAG),
            )
        )
        function.close()
        tool.close()
    return tuple(tools)


def _tool_choice(body: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """The choice, and the tools that it leaves: OpenAI can allow a part of them."""
    choice = body.take("tool_choice", TEXT_OR_OBJECT)
    if choice is None:
        return None, tools
    if isinstance(choice, str):
        return ToolChoice(_mode(choice, body, "tool_choice")), tools
    wanted = body.inner("tool_choice", choice)
    kind = wanted.need("type", TEXT)
    if kind == "function":
        named = wanted.inner("function", wanted.need("function", OBJECT)).need("name", TEXT)
        return ToolChoice("named", _known(named, body, tools)), tools
    if kind == "allowed_tools":
        return _allowed(wanted.inner("allowed_tools", wanted.need("allowed_tools", OBJECT)), tools)
    raise wanted.wrong("type", "is not supported by this model's provider")


def _allowed(allowed: Fields, tools: tuple[Tool, ...]) -> tuple[ToolChoice, tuple[Tool, ...]]:
    names = set()
    for tool in allowed.each("tools", allowed.need("tools", OBJECTS)):
        names.add(tool.inner("function", tool.need("function", OBJECT)).need("name", TEXT))
    return ToolChoice(_mode(allowed.need("mode", TEXT), allowed, "mode")), tuple(t for t in tools if t.name in names)


def _mode(word: str, fields: Fields, name: str) -> Mode:
    if word in _MODES:
        return _MODES[word]
    raise fields.wrong(name, "is none of auto, none, required")


def _known(name: str, body: Fields, tools: tuple[Tool, ...]) -> str:
    if any(tool.name == name for tool in tools):
        return name
    raise InvalidRequest("tool_choice names a tool that is not in tools.", param="tool_choice")
