"""Server-sent events, both ways, without I/O: bytes in, events out.

Any split of the bytes gives the same events. Lines end in LF, CRLF or CR, comments are skipped, several data lines
are one text (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from llm.errors import UpstreamMalformed

# Two ends of line in a row. The groups are atomic: the LF of a CRLF is no line of its own.
_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_END_OF_LINE: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
MAX_EVENT_BYTES: Final = 16 * 1024 * 1024


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One event: `raw` as it came, blank line included; `data` is empty for a frame of comments only."""

    raw: bytes
    event: str
    data: bytes


class SseDecoder:
    """`feed` gives, one by one, the events that are whole by now (iterate it to its end before the next);
    `flush`, at the end of the bytes, what lacks its blank line.

    Both raise UpstreamMalformed past `max_event_bytes` and for bytes that are no UTF-8; then nothing more comes.
    """

    __slots__ = ("_max_event_bytes", "_tail")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._tail = bytearray()
        self._max_event_bytes = max_event_bytes

    @property
    def waits(self) -> bool:
        """Is there the beginning of an event whose end has not come?"""
        return bool(self._tail)

    def only(self, data: bytes) -> Frame | None:
        """The one event that these bytes are, as most pieces are; None: `feed` them."""
        if self._tail:
            return None
        end = only_line(data)
        if end:
            return Frame(data, "", data[6:end])
        end = len(data) - 2
        whole = data.endswith(b"\n\n") and data.find(b"\n\n") == end
        return _frame(data, end) if whole and data.find(b"\r") < 0 and data.isascii() else None

    def feed(self, data: bytes) -> Iterator[Frame]:
        tail = self._tail
        if tail:
            searched = max(len(tail) - 3, 0)
            tail += data
            if _BLANK_LINE.search(tail, searched) is None:
                self._bound()
                return
            data = bytes(tail)
            tail.clear()
        start = 0
        for blank, end in _blank_lines(data):
            yield _frame(data[start:end], blank - start)
            start = end
        if start < len(data):
            tail += data[start:] if start else data
            self._bound()

    def flush(self) -> Iterator[Frame]:
        """The rest, as events. Providers leave the last blank line out; a cut shows in the event's own text."""
        rest = bytes(self._tail).rstrip(b"\r\n")
        self._tail.clear()
        if rest:
            yield _frame(rest + b"\n\n", len(rest))

    def _bound(self) -> None:
        if len(self._tail) > self._max_event_bytes:
            self._tail.clear()
            raise UpstreamMalformed("The provider sent an event that is too large.")


def only_line(data: bytes, start: int = 0) -> int:
    """Where the text of the data line ends that these bytes are from `start` on, with its blank line and nothing else;
    0 where they are not that. The text begins 6 bytes behind `start`. Looks at a glance: only ASCII is known so."""
    end = len(data) - 2
    plain = (
        data.find(b"\n", start) == end
        and data.endswith(b"\n\n")
        and data.startswith(b"data: ", start)
        and data.isascii()
        and data.find(b"\r") < 0
    )
    return end if plain else 0


def _blank_lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the blank lines begin and end, the end of line before each included."""
    if data.find(b"\r") < 0:  # nearly always, and a search for two bytes costs a tenth of the pattern
        blank = data.find(b"\n\n")
        while blank >= 0:
            yield blank, blank + 2
            blank = data.find(b"\n\n", blank + 2)
        return
    for found in _BLANK_LINE.finditer(data):
        if found.end() == len(data) and data.endswith(b"\r"):
            return  # the LF of this CR may be under way, and belongs to this event
        yield found.start(), found.end()


def _frame(raw: bytes, length: int) -> Frame:
    """`length` is that of the event's text, without the blank line."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise UpstreamMalformed("The provider sent bytes that are no text.") from error
    if raw.startswith(b"data:"):
        text = raw[5:length]
        if b"\n" not in text and b"\r" not in text:
            return Frame(raw, "", text.removeprefix(b" "))
    return _parse(raw)


def _parse(raw: bytes) -> Frame:
    event = b""
    data: list[bytes] = []
    for line in _END_OF_LINE.split(raw.removeprefix(_BYTE_ORDER_MARK)):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ")
    return Frame(raw, event.decode(), b"\n".join(data))


def data_event(data: bytes) -> bytes:
    """`data` is one line."""
    return b"data: " + data + b"\n\n"


def named_event(name: bytes, data: bytes) -> bytes:
    """`data` is one line."""
    return b"event: " + name + b"\ndata: " + data + b"\n\n"
