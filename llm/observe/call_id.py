"""The call id: a UUIDv7 (RFC 9562) in text form, so that ids sort by the time they were made."""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable

# Our own generator: whoever seeds the global one would make ids come again, and a record of a known id is passed over.
_generator = random.Random()
_drawn = _generator.getrandbits
_middle: str  # with the version and the variant


def new(now_ns: Callable[[], int] = time.time_ns) -> str:
    """A new id, for example `019a8c5e-0c1f-7d4e-9b1a-3f2c5d6e7f80`. Unique, and no secret: its middle is drawn once in
    a process. Its end is drawn for each id, not counted: callers see their ids, and must not see how many others there
    were. With its first bit set it always has twelve digits."""
    return _beginning(now_ns() // 1_000_000) + hex(1 << 47 | _drawn(47))[2:]


@functools.lru_cache(maxsize=8)
def _beginning(milliseconds: int) -> str:
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}{_middle}"


def _begin_anew() -> None:
    """In this process, and again in each forked child: their ids must not be its parent's."""
    global _middle
    _generator.seed()
    _middle = f"-{0x7000 | _generator.getrandbits(12):x}-{0x8000 | _generator.getrandbits(14):x}-"
    _beginning.cache_clear()


_begin_anew()
os.register_at_fork(after_in_child=_begin_anew)


def timestamp(call_id: str) -> float:
    """Seconds since 1970 at which the id was made, to the millisecond. ValueError where it is no UUIDv7."""
    digits = call_id.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        raise ValueError("not a UUIDv7")
    return int(digits[:12], 16) / 1000
