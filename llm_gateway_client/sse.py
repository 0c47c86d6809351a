"""Server-sent events, as far as the gateway uses them: the data of each event. Pure."""

from __future__ import annotations


class Events:
    """`feed(bytes)` gives the data of the events that are whole by then, however the bytes are cut."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # a line that is not whole yet; joined once, however long it gets
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Lines end with CR LF or LF. Comments and other fields are left out."""
        if b"\n" not in piece:
            self._rest.append(piece)
            return []
        *lines, rest = b"".join((*self._rest, piece)).split(b"\n")
        self._rest = [rest]
        found = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data = []
        return found
