"""The messages of a chat completions request, read into the hub's turns."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.cache_marks import take_mark
from llm.dialects.fields import INTEGER, OBJECT, OBJECTS, RAW, TEXT, TEXT_OR_OBJECTS, Fields
from llm.dialects.neutral import (
    CacheMark,
    Document,
    Image,
    Part,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    arguments_text,
)
from llm.dialects.openai_chat.citations import read_annotations
from llm.dialects.openai_chat.parts_in import read_parts
from llm.dialects.openai_chat.thoughts import DETAILS, thoughts

_PLAIN_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}


def read_turn(message: Fields) -> Turn:
    role = message.need("role", TEXT)
    mark = take_mark(message)  # on the message itself: as other gateways let their callers say it
    if role in _PLAIN_ROLES:
        plain = _PLAIN_ROLES[role]
        turn = Turn(plain, read_parts(message, plain, message.need("content", TEXT_OR_OBJECTS)))
    elif role == "assistant":
        turn = Turn("assistant", _assistant(message))
    elif role == "tool":
        turn = Turn("user", (_tool_result(message),))
    else:
        raise message.wrong("role", "is none of system, developer, user, assistant, tool")
    message.close()
    return turn if mark is None else _marked(turn, mark, message)


def _marked(turn: Turn, mark: CacheMark, message: Fields) -> Turn:
    """The mark of a whole message is that of its last part."""
    last = turn.parts[-1] if turn.parts else None
    if not isinstance(last, Text | Image | Document | ToolCall | ToolResult):
        message.lose("cache_control")
        return turn
    return Turn(turn.role, (*turn.parts[:-1], msgspec.structs.replace(last, cache=last.cache or mark)))


def _assistant(message: Fields) -> tuple[Part, ...]:
    if message.take("function_call", RAW) is not None:
        raise message.wrong("function_call", "is not supported by this model's provider: use tool_calls")
    if message.take("audio", RAW) is not None:
        raise message.wrong("audio", "is known to OpenAI only; this model is another provider's")
    flat = message.take("reasoning_content", TEXT) or message.take("reasoning", TEXT) or ""
    details = message.take("reasoning_details", DETAILS) or []
    parts: list[Part] = [*thoughts(flat, details, of_caller=True)]
    content = message.take("content", TEXT_OR_OBJECTS)
    if content:
        parts.extend(read_parts(message, "assistant", content))
    _cite(parts, message.take("annotations", RAW))
    refusal = message.take("refusal", TEXT)
    if refusal:
        parts.append(Refusal(refusal))
    for call in message.each("tool_calls", message.take("tool_calls", OBJECTS) or []):
        parts.append(_tool_call(call))
    return tuple(parts)


def _cite(parts: list[Part], annotations: msgspec.Raw | None) -> None:
    """The sources of an earlier answer stand beside its text."""
    citations = read_annotations(annotations) if annotations is not None else ()
    if citations and parts and isinstance(text := parts[-1], Text):
        parts[-1] = msgspec.structs.replace(text, citations=citations)


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
    return ToolResult(call_id=message.need("tool_call_id", TEXT), parts=_result_parts(message, content))


def _result_parts(
    message: Fields, content: str | list[dict[str, msgspec.Raw]] | None
) -> tuple[Text | Image | Document, ...]:
    parts: list[Text | Image | Document] = []
    for index, part in enumerate(read_parts(message, "user", content) if content else ()):
        if not isinstance(part, Text | Image | Document):
            raise message.wrong(f"content[{index}].type", "is not supported here by this model's provider")
        parts.append(part)
    return tuple(parts)
