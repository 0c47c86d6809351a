"""The call id: a UUIDv7 (RFC 9562) in text form, so that ids sort by the time they were made."""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable

_LOW = (0x7 << 76) | (0b10 << 62)  # version and variant
_RANDOM_A = ((1 << 12) - 1) << 64
_RANDOM_B = (1 << 62) - 1
_RANDOM_BITS = 80
# Our own generator: whoever seeds the global one would make ids come again, and a record of a known id is passed over.
_generator = random.Random()
os.register_at_fork(after_in_child=_generator.seed)


def new(now_ns: Callable[[], int] = time.time_ns, random_bits: Callable[[int], int] = _generator.getrandbits) -> str:
    """A new id, for example `019a8c5e-0c1f-7d4e-9b1a-3f2c5d6e7f80`. Unique, and no secret: the generator is seeded by
    the system in each process, and asking the system for each id would cost microseconds."""
    milliseconds = (now_ns() // 1_000_000) & ((1 << 48) - 1)
    bits = random_bits(_RANDOM_BITS)
    low = _LOW | (bits & _RANDOM_A) | (bits & _RANDOM_B)
    text = f"{low:020x}"
    return f"{_beginning(milliseconds)}{text[:4]}-{text[4:8]}-{text[8:]}"


@functools.lru_cache(maxsize=8)
def _beginning(milliseconds: int) -> str:
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}-"


def timestamp(call_id: str) -> float:
    """Seconds since 1970 at which the id was made, to the millisecond. ValueError where it is no UUIDv7."""
    digits = call_id.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        raise ValueError("not a UUIDv7")
    return int(digits[:12], 16) / 1000
