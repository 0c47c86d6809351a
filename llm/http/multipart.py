"""Finds the field `model` of a multipart/form-data body (RFC 7578) while the body comes; no byte of it is changed.

Without I/O: bytes in, what is known of the form out.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from llm.errors import InvalidRequest

_TYPE: Final = "multipart/form-data"
_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(
    rb'^content-disposition:\s*form-data\b[^\r\n]*?;\s*name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)
_MOST_PARTS: Final = 1000
_LONGEST_HEAD: Final = 16 * 1024


def mark(content_type: str) -> bytes:
    """What stands between the parts. InvalidRequest where this is no type of a form."""
    found = _BOUNDARY.search(content_type)
    if content_type.partition(";")[0].strip().lower() != _TYPE or found is None or not content_type.isascii():
        raise InvalidRequest(f"The body must be {_TYPE} with a boundary.", param="content-type")
    return b"--" + (found[1] or found[2]).encode()


class FormReader:
    """`feed` it the body, cut anywhere, and call `close` at the end. Both raise InvalidRequest: for what is no form, or
    not a whole one, for a form without `file`, for one that names its model twice.

    `file_begun`: the head of the part `file` was seen. `model`: where the content of the part `model` begins and ends,
    counted from the body's first byte, once it was seen to its end; one without content may share its blank line with
    the next mark: then its end is before its beginning. Only what is not yet decided is kept in memory.
    """

    __slots__ = ("_at", "_buffer", "_mark", "_name", "_parts", "_start", "_state", "file_begun", "model")

    def __init__(self, mark: bytes) -> None:
        self.file_begun = False
        self.model: tuple[int, int] | None = None
        self._mark = mark
        self._buffer = bytearray()
        self._at = 0  # where the buffer begins in the body
        self._state: Literal["begin", "line", "head", "content", "over"] = "begin"
        self._name = b""
        self._start = 0
        self._parts = 0

    def feed(self, data: bytes) -> None:
        if self._state == "over":
            return  # whatever stands behind the last mark
        self._buffer += data
        while self._step():
            pass

    def close(self) -> None:
        if self._state != "over":
            raise _broken()
        if not self.file_begun:
            raise InvalidRequest("The field 'file' is required.", param="file")

    def _step(self) -> bool:
        """Whether something was decided: then more may be."""
        match self._state:
            case "begin":
                return self._begin()
            case "line":
                return self._line()
            case "head":
                return self._head()
            case "content":
                return self._content()
        return False

    def _begin(self) -> bool:
        if not self._buffer.startswith(self._mark[: len(self._buffer)]):
            raise _broken()
        if len(self._buffer) < len(self._mark):
            return False
        self._pass(len(self._mark))
        self._state = "line"
        return True

    def _line(self) -> bool:
        """The rest of a mark's line: nothing, or `--` after the last part."""
        if self._buffer.startswith(b"--"):
            self._state = "over"
            self._buffer.clear()
            return False
        end = self._find(b"\r\n", 0)
        if end < 0:
            return False
        if self._buffer[:end].strip(b" \t"):
            raise _broken()
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise InvalidRequest(f"The form has more than {_MOST_PARTS} fields.")
        self._pass(end)
        self._state = "head"
        return True

    def _head(self) -> bool:
        end = self._find(b"\r\n\r\n", 0)
        if end < 0:
            return False
        found = _NAME.search(self._buffer[:end])
        self._name = (found[1] or found[2] or b"") if found else b""
        if self._name == b"model" and self.model is not None:
            raise InvalidRequest("The field 'model' is there more than once.", param="model")
        self.file_begun |= self._name == b"file"
        self._start = self._at + end + 4
        self._pass(end + 2)  # content that is empty may share its blank line with the next mark
        self._state = "content"
        return True

    def _content(self) -> bool:
        end = self._buffer.find(b"\r\n" + self._mark)
        if end < 0:
            self._pass(max(len(self._buffer) - len(self._mark) - 1, 0))
            return False
        if self._name == b"model":
            self.model = (self._start, self._at + end)
        self._pass(end + 2 + len(self._mark))
        self._state = "line"
        return True

    def _find(self, wanted: bytes, start: int) -> int:
        """-1 where it is not there yet; a line or a head that is too long is none."""
        found = self._buffer.find(wanted, start, start + _LONGEST_HEAD)
        if found < 0 and len(self._buffer) >= start + _LONGEST_HEAD:
            raise _broken()
        return found

    def _pass(self, count: int) -> None:
        del self._buffer[:count]
        self._at += count


def _broken() -> InvalidRequest:
    return InvalidRequest("The body is no whole multipart form.")
