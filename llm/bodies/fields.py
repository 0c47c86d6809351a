"""Reads a JSON body's top level: every value stays raw bytes, and only its JSON type is looked at.

What a value means is the provider's business; a wrong type is refused here, before any provider is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from llm.errors import InvalidRequest

Kind = Literal["string", "boolean", "integer", "number", "list", "object", "string or list", "string or object"]
Fields = dict[str, msgspec.Raw]

_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string = msgspec.json.Decoder(str).decode
_NULL: Final = ord("n")
_LIST: Final = ord("[")
_EMPTY: Final = b" \t\r\n]"
_A_GLANCE: Final = 64
_FIRST_BYTES: Final[Mapping[Kind, bytes]] = {
    "string": b'"',
    "boolean": b"tf",
    "integer": b"-0123456789",
    "number": b"-0123456789",
    "list": b"[",
    "object": b"{",
    "string or list": b'"[',
    "string or object": b'"{',
}


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
        first = memoryview(raw)[0]  # not the whole value: it may be megabytes long, and copying it costs
        if first == _NULL or (first in _FIRST_BYTES[kind] and (kind != "integer" or _whole(raw))):
            continue
        article = "an" if kind[0] in "aeiou" else "a"
        raise InvalidRequest(f"The field '{name}' must be {article} {kind}.", param=name)


def _whole(raw: msgspec.Raw) -> bool:
    return bytes(raw).lstrip(b"-").isdigit()


def text(fields: Fields, name: str) -> str:
    """A string field, "" where it is absent or null. InvalidRequest where it is anything else."""
    raw = fields.get(name)
    if raw is None or bytes(raw) == b"null":
        return ""
    try:
        return _string(raw)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"The field '{name}' must be a string.", param=name) from error


def flag(fields: Fields, name: str) -> bool:
    """A boolean field that `check` has let pass; absent and null are False."""
    raw = fields.get(name)
    return raw is not None and bytes(raw) == b"true"


def messages(fields: Fields) -> None:
    """`messages` must be a list with something in it. InvalidRequest otherwise."""
    raw = fields.get("messages")
    if raw is None or memoryview(raw)[0] == _NULL:
        raise InvalidRequest("The field 'messages' is required.", param="messages")
    value = memoryview(raw)
    if value[0] != _LIST:
        raise InvalidRequest("The field 'messages' must be a list.", param="messages")
    if not bytes(value[1:_A_GLANCE]).strip(_EMPTY) and not bytes(value[1:-1]).strip():
        raise InvalidRequest("The field 'messages' must not be empty.", param="messages")
