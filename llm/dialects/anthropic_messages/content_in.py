"""The system text and the messages of a request, read into the hub's turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from llm.dialects.anthropic_messages.citations import CITATIONS, plain
from llm.dialects.anthropic_messages.media_in import Readable, read_readable
from llm.dialects.anthropic_messages.words import HOME, UNSUPPORTED, need_object
from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import FLAG, OBJECT, TEXT, TEXT_OR_OBJECTS, Fields
from llm.dialects.neutral import (
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    arguments_text,
)
from llm.dialects.signatures import inward

Content: TypeAlias = str | list[dict[str, msgspec.Raw]]
ReadBlock: TypeAlias = Callable[[Fields, str], list[Part]]

# Calls that a provider made itself. Their results end in `_tool_result`.
_SERVER_CALLS: Final = frozenset({"server_tool_use", "mcp_tool_use"})


def read_system(body: Fields) -> list[Turn]:
    system = body.take("system", TEXT_OR_OBJECTS)
    return [Turn("system", _texts(body, "system", system))] if system else []


def read_turn(message: Fields) -> Turn:
    role = message.need("role", TEXT)
    content = message.need("content", TEXT_OR_OBJECTS)
    if role == "system":
        turn = Turn("system", _texts(message, "content", content))
    elif role == "user":
        turn = Turn("user", _parts(message, content, _user_block))
    elif role == "assistant":
        turn = Turn("assistant", _parts(message, content, _assistant_block))
    else:
        raise message.wrong("role", "is none of user, assistant, system")
    message.close()
    return turn


def _texts(fields: Fields, name: str, content: Content) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = []
    for block in fields.each(name, content):
        if block.need("type", TEXT) != "text":
            raise block.wrong("type", "may only be text here")
        parts.append(_text(block))
        block.close()
    return tuple(parts)


def _parts(message: Fields, content: Content, read: ReadBlock) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    for block in message.each("content", content):
        kind = block.need("type", TEXT)
        if _is_the_servers(kind):
            block.lose(kind)
            continue
        parts += read(block, kind)
        block.close()
    return tuple(parts)


def _is_the_servers(kind: str) -> bool:
    """Is it a call that a provider made on its side, or what came of it? Another provider has no word for it."""
    return kind in _SERVER_CALLS or kind.endswith("_tool_result")


def _text(block: Fields) -> Text:
    text, citations = block.need("text", TEXT), block.take("citations", CITATIONS)
    return Text(text, plain(citations or []), take_mark(block))


def _user_block(block: Fields, kind: str) -> list[Part]:
    if kind == "text":
        return [_text(block)]
    if kind == "tool_result":
        return [_tool_result(block)]
    return [*read_readable(block, kind)]


def _assistant_block(block: Fields, kind: str) -> list[Part]:
    if kind == "text":
        return [_text(block)]
    if kind == "thinking":
        return [_thinking(block)]
    if kind == "redacted_thinking":
        data, origin = inward(block.need("data", TEXT), HOME)
        return [RedactedThinking(data, origin)]
    if kind == "tool_use":
        return [_tool_use(block)]
    raise block.wrong("type", UNSUPPORTED)


def _thinking(block: Fields) -> Thinking:
    """What nobody signed has an empty signature."""
    text = block.need("thinking", TEXT)
    signature, origin = inward(block.take("signature", TEXT) or "", HOME)
    return Thinking(text, signature, origin) if signature else Thinking(text)


def _tool_use(block: Fields) -> ToolCall:
    given = bytes(need_object(block, "input")).decode()
    caller = block.take("caller", OBJECT)
    if caller is not None and block.inner("caller", caller).need("type", TEXT) != "direct":
        block.lose("caller")  # code that the provider ran made the call
    return ToolCall(block.need("id", TEXT), block.need("name", TEXT), arguments_text(given), take_mark(block))


def _tool_result(block: Fields) -> ToolResult:
    content = block.take("content", TEXT_OR_OBJECTS) or []
    parts: list[Readable] = [Text(content)] if isinstance(content, str) else []
    if not isinstance(content, str):
        for inner in block.each("content", content):
            parts += _result_block(inner, inner.need("type", TEXT))
    is_error = block.take("is_error", FLAG) is True
    return ToolResult(block.need("tool_use_id", TEXT), tuple(parts), is_error, take_mark(block))


def _result_block(block: Fields, kind: str) -> list[Readable]:
    if kind == "tool_reference":
        block.lose(kind)  # a tool that the provider's own search for tools has found
        return []
    parts: list[Readable] = [_text(block)] if kind == "text" else read_readable(block, kind)
    block.close()
    return parts
