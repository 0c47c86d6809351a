"""Finds the field `model` of a multipart/form-data body (RFC 7578); every other byte is left as it came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from llm.errors import InvalidRequest
from llm.spec import Form

_TYPE: Final = "multipart/form-data"
_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(
    rb'^content-disposition:\s*form-data\b[^\r\n]*?;\s*name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)
_MOST_PARTS: Final = 1000
_LONGEST_HEAD: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Part:
    """`start` and `end` bound its content. One without any may share its blank line with the next mark: then `end` is
    before `start`."""

    name: bytes
    start: int
    end: int


def read(body: bytes, content_type: str) -> tuple[str, Form]:
    """The model ("" where none is named) and the form around it. InvalidRequest where the body is no whole form, has
    no `file`, or names its model twice."""
    boundary = _boundary(content_type)
    parts = list(_parts(body, b"--" + boundary))
    if not any(part.name == b"file" for part in parts):
        raise InvalidRequest("The field 'file' is required.", param="file")
    named = [part for part in parts if part.name == b"model"]
    if len(named) > 1:
        raise InvalidRequest("The field 'model' is there more than once.", param="model")
    if not named:
        head = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
        return "", Form(content_type, head, b"\r\n" + body)
    (part,) = named
    try:
        model = body[part.start : part.end].decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The field 'model' must be a string.", param="model") from error
    return model, Form(content_type, body[: part.start], body[part.end :])


def _boundary(content_type: str) -> bytes:
    found = _BOUNDARY.search(content_type)
    if content_type.partition(";")[0].strip().lower() != _TYPE or found is None or not content_type.isascii():
        raise InvalidRequest(f"The body must be {_TYPE} with a boundary.", param="content-type")
    return (found[1] or found[2]).encode()


def _parts(body: bytes, mark: bytes) -> Iterator[_Part]:
    """All parts, up to the mark of the end."""
    if not body.startswith(mark):
        raise _broken()
    at = len(mark)
    for _ in range(_MOST_PARTS):
        if body.startswith(b"--", at):
            return
        end_of_line = body.find(b"\r\n", at, at + _LONGEST_HEAD)
        head_end = body.find(b"\r\n\r\n", end_of_line, end_of_line + _LONGEST_HEAD)
        end = body.find(b"\r\n" + mark, head_end + 2)
        if end_of_line < 0 or head_end < 0 or end < 0 or body[at:end_of_line].strip(b" \t"):
            raise _broken()
        name = _NAME.search(body[end_of_line:head_end])
        yield _Part((name[1] or name[2] or b"") if name else b"", head_end + 4, end)
        at = end + 2 + len(mark)
    raise InvalidRequest(f"The form has more than {_MOST_PARTS} fields.")


def _broken() -> InvalidRequest:
    return InvalidRequest("The body is no whole multipart form.")
