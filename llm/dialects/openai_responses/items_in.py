"""The input of a responses request, read into the hub's turns."""

from __future__ import annotations

from typing import Final

from llm.dialects.fields import OBJECTS, RAW, TEXT, TEXT_OR_OBJECTS, Fields
from llm.dialects.neutral import Document, Image, Part, Role, Text, ToolCall, ToolResult, Turn, arguments_text
from llm.dialects.openai_responses.content_in import read_content, read_result_part
from llm.dialects.openai_responses.signature import thought_of

_ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "system": "system",
    "developer": "developer",
    "assistant": "assistant",
}
# What OpenAI ran itself in an earlier turn: what came of it is told in the text behind it.
_RAN_BY_OPENAI: Final = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "mcp_list_tools",
        "mcp_call",
        "tool_search_call",
        "tool_search_output",
    }
)
_UNSUPPORTED: Final = "is not supported here by this model's provider"


def read_input(body: Fields) -> list[Turn]:
    """What the model gave between two of the user's messages is one turn, and so are results side by side: other
    dialects tell who speaks by turns."""
    given = body.need("input", TEXT_OR_OBJECTS)
    if isinstance(given, str):
        return [Turn("user", (Text(given),))]
    turns: list[Turn] = []
    for item in body.each("input", given):
        read = _turn(item)
        if read is None:
            continue
        if turns and _goes_on(turns[-1], read):
            turns[-1] = Turn(read.role, turns[-1].parts + read.parts)
        else:
            turns.append(read)
    return turns


def _goes_on(before: Turn, turn: Turn) -> bool:
    if before.role != turn.role:
        return False
    results = [part for part in before.parts + turn.parts if isinstance(part, ToolResult)]
    return turn.role == "assistant" or (bool(results) and len(results) == len(before.parts) + len(turn.parts))


def _turn(item: Fields) -> Turn | None:
    """None for an item that is left out."""
    role = item.take("role", TEXT)
    kind = item.take("type", TEXT) or ("message" if role is not None else None)
    if kind is None:
        raise item.wrong("type", "is required")
    for echo in ("id", "status") if kind != "reasoning" else ("status",):
        item.take(echo, RAW)
    match kind:
        case "message":
            turn = _message(item, role)
        case "function_call":
            turn = Turn("assistant", (_call(item),))
        case "function_call_output":
            turn = Turn("user", (_result(item),))
        case "reasoning":
            turn = Turn("assistant", _thought(item))
        case "item_reference":
            raise item.wrong("type", "is a reference to what only a provider with the Responses API keeps")
        case _ if kind in _RAN_BY_OPENAI:
            item.lose(f"input.{kind}")
            return None
        case _:
            raise item.wrong("type", _UNSUPPORTED)
    item.close()
    return turn if turn.parts else None


def _message(item: Fields, word: str | None) -> Turn:
    role = _ROLES.get(word or "")
    if role is None:
        raise item.wrong("role", "is none of user, assistant, system, developer")
    content = item.need("content", TEXT_OR_OBJECTS)
    if isinstance(content, str):
        return Turn(role, (Text(content),))
    return Turn(role, tuple(read_content(part, role) for part in item.each("content", content)))


def _call(item: Fields) -> ToolCall:
    return ToolCall(
        id=item.need("call_id", TEXT),
        name=item.need("name", TEXT),
        arguments=arguments_text(item.take("arguments", TEXT) or ""),
    )


def _result(item: Fields) -> ToolResult:
    call_id = item.need("call_id", TEXT)
    item.take("name", TEXT)
    output = item.need("output", TEXT_OR_OBJECTS)
    parts: tuple[Text | Image | Document, ...] = (Text(output),) if output and isinstance(output, str) else ()
    if not isinstance(output, str):
        parts = tuple(read_result_part(part) for part in item.each("output", output))
    return ToolResult(call_id, parts)


def _thought(item: Fields) -> tuple[Part, ...]:
    """One that was kept at OpenAI alone says nothing here."""
    told = _joined(item, "content") or _joined(item, "summary")
    read = thought_of(told, item.take("id", TEXT), item.take("encrypted_content", TEXT), of_caller=True)
    return () if read is None else (read,)


def _joined(item: Fields, name: str) -> str:
    texts = []
    for part in item.each(name, item.take(name, OBJECTS) or []):
        texts.append(part.need("text", TEXT))
        part.take("type", TEXT)
        part.close()
    return "\n\n".join(text for text in texts if text)
