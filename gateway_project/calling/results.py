"""Where the answers of a batch go: a JSON object a line, `{"line": ..., "input": ..., the response's fields}`.

To a stream they go in order, so an answer waits for those before it. Into a file each goes at once, that a kill loses
none; it is put in order at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from gateway_project.calling.one import Screen
from gateway_project.calling.requests import Line
from gateway_project.calling.usage import WrongUsage
from llm_gateway_client import LLMResponse

_BEGINNING: Final = b'{"line": '


class Results(Protocol):
    def add(self, line: Line, response: LLMResponse) -> None: ...

    def close(self) -> None:
        """Keeps all that was added."""
        ...


def record(line: Line, response: LLMResponse, *, raw: bool) -> str:
    fields = response.to_dict()
    if not raw:
        del fields["raw"]
    return json.dumps({"line": line.number, "input": line.digest, **fields}, ensure_ascii=False)


class InOrder:
    """To a stream. What waits for an answer that never came is written at the end."""

    def __init__(self, screen: Screen, lines: Sequence[Line], *, raw: bool = False) -> None:
        self._screen, self._raw = screen, raw
        self._order = iter([line.number for line in lines])
        self._next = next(self._order, None)
        self._waiting: dict[int, str] = {}

    def add(self, line: Line, response: LLMResponse) -> None:
        self._waiting[line.number] = record(line, response, raw=self._raw)
        while self._next in self._waiting:
            self._screen.write(self._waiting.pop(self._next) + "\n")
            self._next = next(self._order, None)
        self._screen.flush()

    def close(self) -> None:
        for number in sorted(self._waiting):
            self._screen.write(self._waiting.pop(number) + "\n")
        self._screen.flush()


class InFile:
    """Into the file at `path`, behind what is there. WrongUsage where it cannot be written."""

    def __init__(self, path: Path, *, raw: bool = False) -> None:
        self._path, self._raw = path, raw
        try:
            self._file: BinaryIO = path.open("ab")
        except (OSError, ValueError) as error:
            raise WrongUsage(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from error

    def add(self, line: Line, response: LLMResponse) -> None:
        """As a whole, or (on a full disk) as a torn last line, which is passed over later."""
        self._file.write((record(line, response, raw=self._raw) + "\n").encode(errors="replace"))
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        _replace(self._path, sorted(_kept(self._path), key=lambda found: found.number))


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer in a file: which line's it is, and where it stands."""

    number: int
    digest: str
    offset: int
    size: int


def answered(path: Path, lines: Sequence[Line]) -> set[int]:
    """The numbers of the lines that are answered in the file; all else (failures, a torn line) goes out of it.

    WrongUsage where it holds answers to other requests: the two files do not belong together.
    """
    digests: Mapping[int, str] = {line.number: line.digest for line in lines}
    found = {one.number: one for one in _kept(path, failed=False)}
    for one in found.values():
        if digests.get(one.number) != one.digest:
            raise WrongUsage(f"{path} has an answer to another line {one.number}: choose another --output.")
    if path.exists():
        _replace(path, [found[number] for number in sorted(found)])
    return set(found)


def _kept(path: Path, *, failed: bool = True) -> Iterator[_Kept]:
    if not path.exists():
        return
    offset = 0
    try:
        with path.open("rb") as file:
            for text in file:
                value = _object(text)
                if value is not None and (failed or value.get("error_details") is None):
                    yield _Kept(value["line"], value["input"], offset, len(text))
                elif value is None and not _torn(text):
                    raise WrongUsage(f"{path} holds what no batch has written: choose another --output.")
                offset += len(text)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror}.") from error


def _object(text: bytes) -> dict[str, Any] | None:
    """None for what is no answer, as a line that was torn."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = isinstance(value, dict) and isinstance(value.get("line"), int) and isinstance(value.get("input"), str)
    return value if good and text.endswith(b"\n") else None


def _torn(text: bytes) -> bool:
    """Is it the beginning of an answer? Anything else is somebody's own, and not to be thrown away."""
    return not text.endswith(b"\n") and text[: len(_BEGINNING)] == _BEGINNING[: len(text)]


def _replace(path: Path, kept: Sequence[_Kept]) -> None:
    """The file with these answers in this order; the old one stands until the new one is whole."""
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{os.getpid()}.sorted")
    try:
        with target.open("rb") as old, fresh.open("wb") as new:
            os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode & 0o777)
            for one in kept:
                old.seek(one.offset)
                new.write(old.read(one.size))
            new.flush()
            os.fsync(new.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
