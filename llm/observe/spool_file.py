"""The files of the spool: their frames, and how to read them after whatever happened to them.

A file is a row of frames: length of the payload (u32, big endian), CRC-32 of the payload (u32), payload (a
`CallRecord` as msgpack; or the byte C1 and a `HealthEvent` as msgpack). A frame that its writer did not finish ends the
file: its call was never acknowledged. Any other bytes that are no frame are damage, which is reported, and read past to
the next frame that is whole.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from llm.observe.health_event import HealthEvent
from llm.observe.record import LONGEST_TEXT, CallRecord, decode, encode, tamed

logger = logging.getLogger(__name__)

LARGEST_FRAME: Final = 1024 * 1024
_HEADER: Final = struct.Struct(">II")
_EVENT: Final = b"\xc1"  # with it begins no msgpack and no character of UTF-8
# A record has more than 15 fields, so its msgpack begins with `de 00`: two bytes that no UTF-8 text holds; nor does one
# hold what an event begins with. So what looks like a frame is none that a caller has written into one of its labels.
_LIKE_A_FRAME: Final = re.compile(rb"(?=\x00[\x00-\x10].{6}(?:\xde\x00|\xc1[\x90-\x9f]))", re.DOTALL)
_encode_event: Final = msgspec.msgpack.Encoder().encode
_decode_event: Final = msgspec.msgpack.Decoder(HealthEvent).decode

Entry = CallRecord | HealthEvent
OnCorrupt = Callable[[Path, int], None]


def frame(entry: Entry) -> bytes:
    """The frame of a record or an event; a record's texts are cut where it would be larger than a frame may be."""
    if isinstance(entry, HealthEvent):
        payload = _of_event(entry)
    else:
        try:
            payload = encode(entry)
        except (UnicodeEncodeError, OverflowError):  # half of a surrogate pair, as some senders' JSON escapes it
            payload = encode(tamed(entry))
        if len(payload) > LARGEST_FRAME:
            payload = encode(tamed(entry))
    return _HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def _of_event(event: HealthEvent) -> bytes:
    name = event.name[:LONGEST_TEXT].encode(errors="replace").decode()  # a model's may come from a caller
    return _EVENT + _encode_event(msgspec.structs.replace(event, name=name))


def files(directory: Path | str) -> list[Path]:
    """The spool's files, oldest name first."""
    return sorted(Path(directory).glob("spool-*.log"))


def set_aside(directory: Path | str) -> list[Path]:
    """Files that are kept because not all of them could be read."""
    return sorted(Path(directory).glob("corrupt-spool-*.log"))


def owner_alive(path: Path) -> bool:
    """May this file still grow? False once its owner closed it or died; FileNotFoundError where it is gone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _log_corrupt(path: Path, offset: int) -> None:
    logger.error("a corrupt record in the spool was passed over", extra={"path": path.name, "offset": offset})


def read(path: Path, offset: int = 0, *, on_corrupt: OnCorrupt = _log_corrupt) -> Iterator[tuple[Entry, int]]:
    """The whole records and events from `offset` on, each with the offset behind it, to go on from.

    Damage is reported to `on_corrupt` by the offset where it begins. Where no whole frame follows it, the reading
    ends; so it does, without a report, at a frame that may still be growing or that its writer died in.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    start = 0
    while start < len(data):
        found = _frame_at(data, start)
        if found is None:
            following = _next_frame(data, start + 1)
            if following is not None or not _unfinished(data, start):
                on_corrupt(path, offset + start)
            if following is None:
                return
            start = following
            continue
        entry, start = found
        yield entry, offset + start


def _frame_at(data: bytes, start: int) -> tuple[Entry, int] | None:
    """What the frame holds that begins there, and where it ends."""
    begin = start + _HEADER.size
    if begin > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, start)
    end = begin + length
    if not 0 < length <= LARGEST_FRAME or end > len(data):
        return None
    payload = data[begin:end]
    if zlib.crc32(payload) != checksum:
        return None
    try:
        return (_decode_event(payload[1:]) if payload[:1] == _EVENT else decode(payload)), end
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _next_frame(data: bytes, start: int) -> int | None:
    candidates = (match.start() for match in _LIKE_A_FRAME.finditer(data, start))
    return next((place for place in candidates if _frame_at(data, place) is not None), None)


def _unfinished(data: bytes, start: int) -> bool:
    """Is what lies there, with no whole frame behind it, the beginning of one frame?"""
    begin = start + _HEADER.size
    if begin > len(data):
        return True
    length, checksum = _HEADER.unpack_from(data, start)
    if not 0 < length <= LARGEST_FRAME or begin + length <= len(data):
        return False
    # A whole record under a length that is wrong was acknowledged: it is damage, however much it looks unfinished.
    differs: bool = zlib.crc32(data[begin:]) != checksum
    return differs


def count(path: Path, offset: int = 0) -> int:
    """How many frames lie behind `offset`, by their lengths alone: right where nothing is damaged. 0 where the file
    is gone."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return 0
    found = start = 0
    while start + _HEADER.size <= len(data):
        length, _ = _HEADER.unpack_from(data, start)
        start += _HEADER.size + length
        found += 0 < length <= LARGEST_FRAME and start <= len(data)
    return found
