"""Reads a JSON body's top level: every value stays raw bytes, and only its JSON type is looked at.

What a value means is the provider's business; a wrong type is refused here, before any provider is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from llm.errors import InvalidRequest

Kind = Literal["string", "boolean", "integer", "number", "list", "object", "string or list", "string or object"]
Fields = dict[str, msgspec.Raw]
OPENAI_HEADERS: Final = ("openai-organization", "openai-project", "openai-beta")
ANTHROPIC_HEADERS: Final = ("anthropic-version", "anthropic-beta")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string = msgspec.json.Decoder(str | None).decode
_NULL: Final = ord("n")
_LIST: Final = ord("[")
_TRUE, _FALSE, _NONE = msgspec.Raw(b"true"), msgspec.Raw(b"false"), msgspec.Raw(b"null")
_LIST_OF_SOMETHING: Final = re.compile(rb"\[[ \t\r\n]*[^ \t\r\n\]]")
_FIRST_BYTES: Final[Mapping[Kind, bytes]] = {
    "string": b'"n',
    "boolean": b"tfn",
    "number": b"-0123456789n",
    "list": b"[n",
    "object": b"{n",
    "string or list": b'"[n',
    "string or object": b'"{n',
}
"""Of a value of each kind, and of null. Of an integer all is looked at."""


def parse(body: bytes) -> Fields:
    """The top level of a JSON object. InvalidRequest for anything else."""
    try:
        if not body.isascii():
            body.decode()  # values that stay raw are not looked into: bytes that are no text must not get by
        return _top_level(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest("The body must be a JSON object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The body is not valid JSON.") from error


def check(fields: Fields, kinds: Mapping[str, Kind]) -> None:
    """Each of the named fields that is there, and not null, must have its JSON type."""
    for name, raw in fields.items():
        kind = kinds.get(name)
        if kind is None:
            continue
        if kind == "integer":
            if bytes(raw).isdigit() or _whole(raw):
                continue
        elif memoryview(raw)[0] in _FIRST_BYTES[kind]:  # not the whole value: it may be megabytes long
            continue
        raise _wrong(name, kind)


def _whole(raw: msgspec.Raw) -> bool:
    value = bytes(raw)
    return value.lstrip(b"-").isdigit() or value == b"null"


def _wrong(name: str, kind: Kind) -> InvalidRequest:
    article = "an" if kind[0] in "aeiou" else "a"
    return InvalidRequest(f"The field '{name}' must be {article} {kind}.", param=name)


def text(fields: Fields, name: str) -> str:
    """A string field, "" where it is absent or null. InvalidRequest where it is anything else, checked or not."""
    raw = fields.get(name)
    if raw is None:
        return ""
    try:
        return _string(raw) or ""
    except msgspec.MsgspecError as error:
        raise _wrong(name, "string") from error


def flag(fields: Fields, name: str) -> bool:
    """A boolean field, False where it is absent or null. InvalidRequest where it is anything else, checked or not."""
    raw = fields.get(name)
    if raw is None or raw == _FALSE:
        return False
    if raw == _TRUE:
        return True
    if raw != _NONE:
        raise _wrong(name, "boolean")
    return False


def messages(fields: Fields) -> None:
    """`messages` must be a list with something in it. InvalidRequest otherwise."""
    raw = fields.get("messages")
    if raw is not None and _LIST_OF_SOMETHING.match(raw):
        return
    first = _NULL if raw is None else memoryview(raw)[0]
    if first == _NULL:
        raise InvalidRequest("The field 'messages' is required.", param="messages")
    empty = first == _LIST
    raise InvalidRequest(f"The field 'messages' must {'not be empty' if empty else 'be a list'}.", param="messages")


def passed_on(headers: Mapping[str, str], names: Iterable[str]) -> Mapping[str, str]:
    """Those of the caller's headers that may matter to a provider."""
    return {name: headers[name] for name in names if name in headers} if headers else _NO_HEADERS
