"""The contents of a generateContent request, read into the hub's turns."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

from llm.dialects.fields import FLAG, OBJECT, RAW, TEXT, Fields
from llm.dialects.gemini.media import Media, take_media
from llm.dialects.gemini.names import json_text, many, one
from llm.dialects.gemini.signature import thought
from llm.dialects.neutral import (
    NO_ARGUMENTS,
    Audio,
    Document,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from llm.errors import InvalidRequest

_ROLES: Final = {"user": "user", "function": "user", "model": "assistant"}
# The names under which a result's one value stands: ours, Google's, and that of a failure.
_RESULT_NAMES: Final = ("result", "output", "error")


def read_system(body: Fields) -> list[Turn]:
    content = one(body, "systemInstruction")
    if content is None:
        return []
    content.take("role", TEXT)
    texts = []
    for part in many(content, "parts"):
        texts.append(Text(part.need("text", TEXT)))
        part.close()
    content.close()
    return [Turn("system", tuple(texts))] if texts else []


def read_contents(body: Fields) -> tuple[Turn, ...]:
    contents = many(body, "contents")
    if not contents:
        raise body.wrong("contents", "must hold a content")
    calls = _Calls()
    return tuple(_turn(content, calls) for content in contents)


class _Calls:
    """The calls that have no result yet. Gemini 2 gives calls no ids: then results go by the name, oldest first."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._by_name: defaultdict[str, deque[str]] = defaultdict(deque)
        self._made = 0

    def begin(self, call_id: str | None, name: str, arguments: str) -> ToolCall:
        if not call_id:
            self._made += 1
            call_id = f"call_{self._made}"
        self._open.add(call_id)
        self._by_name[name].append(call_id)
        return ToolCall(call_id, name, arguments)

    def answer(self, call_id: str | None, name: str) -> str | None:
        """The id of the call that is answered; None where there is none."""
        same = self._by_name[name]
        while not call_id and same:
            oldest = same.popleft()
            if oldest in self._open:
                call_id = oldest
        self._open.discard(call_id or "")
        return call_id or None


def _turn(content: Fields, calls: _Calls) -> Turn:
    role = content.take("role", TEXT) or "user"
    if role not in _ROLES:
        raise content.wrong("role", "is none of user, model")
    parts: list[Part] = []
    for part in many(content, "parts"):
        parts += _model_part(part, calls) if role == "model" else _user_part(part, calls)
        part.close()
    content.close()
    return Turn("assistant" if role == "model" else "user", tuple(parts))


def _user_part(part: Fields, calls: _Calls) -> list[Part]:
    part.take("thoughtSignature", TEXT)
    part.take("thought", FLAG)
    text = part.take("text", TEXT)
    if text is not None:
        return [Text(text)]
    result = one(part, "functionResponse")
    if result is not None:
        return [_result(result, calls)]
    media = take_media(part)
    if media is None:
        raise InvalidRequest(f"{part.path} holds nothing that this model's provider can read.", param=part.path)
    return [media]


def _model_part(part: Fields, calls: _Calls) -> list[Part]:
    """A signature on a part that is no thought stands before that part. What Google ran itself (code, searches) is
    named as lost when the part is closed."""
    signature = part.take("thoughtSignature", TEXT)
    is_thought = part.take("thought", FLAG) is True
    text = part.take("text", TEXT)
    if is_thought:
        return [thought(text or "", signature, of_caller=True) if signature else Thinking(text or "")]
    parts: list[Part] = []
    if signature:
        parts.append(thought("", signature, of_caller=True))
    if text:
        parts.append(Text(text))
    call = one(part, "functionCall")
    if call is not None:
        parts.append(_call(call, calls))
    for name in ("inlineData", "fileData"):
        if part.take(name, RAW) is not None:
            raise part.wrong(name, "is not supported here by this model's provider")
    return parts


def _call(call: Fields, calls: _Calls) -> ToolCall:
    given = call.take("args", RAW)
    arguments = NO_ARGUMENTS if given is None else json_text(call, "args", given)
    if not arguments.startswith("{"):
        raise call.wrong("args", "must be an object")
    read = calls.begin(call.take("id", TEXT), call.need("name", TEXT), arguments)
    call.take("willContinue", FLAG)
    call.close()
    return read


def _result(result: Fields, calls: _Calls) -> ToolResult:
    name, call_id = result.need("name", TEXT), result.take("id", TEXT)
    answered = calls.answer(call_id, name)
    if answered is None:
        raise result.wrong("name", "answers no functionCall before it")
    parts: list[Text | Image | Document] = []
    text, failed = _told(result)
    if text:
        parts.append(Text(text))
    for part in many(result, "parts"):
        parts.append(_result_part(part))
        part.close()
    result.take("willContinue", FLAG)
    result.close()
    return ToolResult(answered, tuple(parts), failed)


def _told(result: Fields) -> tuple[str, bool]:
    """The text of a result, and whether it is a failure: the one value under a known name, else the JSON as it is."""
    raw = result.take("response", RAW)
    if raw is None:
        return "", False
    whole = json_text(result, "response", raw)
    values = Fields({"response": raw}, result.path, {}).need("response", OBJECT)
    if len(values) != 1:
        return whole, False
    (name, value), *_ = values.items()
    if name not in _RESULT_NAMES:
        return whole, False
    if bytes(value).startswith(b'"'):
        return result.inner("response", values).need(name, TEXT), name == "error"
    return bytes(value).decode(), name == "error"


def _result_part(part: Fields) -> Image | Document:
    media: Media | None = take_media(part)
    if media is None or isinstance(media, Audio):
        raise InvalidRequest(f"{part.path} holds nothing that this model's provider can read.", param=part.path)
    return media
