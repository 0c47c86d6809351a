"""Recorded-style streams (tests/fixtures/streams): the bytes, what they come to, and how the broken ones end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm import errors
from llm.dialects.neutral import Cited, Delta, StreamEvent
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.folding import codec, pieces

STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
SIZES = [1, 3, 64, 1 << 20]
"""Bytes of the pieces in which a stream comes."""


def corpus(*dialects: Dialect) -> dict[str, Any]:
    """By its name, what each stream of these dialects comes to."""
    told = {path.stem: json.loads(path.read_text()) for path in sorted(STREAMS.glob("*.json"))}
    return {name: one for name, one in told.items() if one["dialect"] in dialects}


def good(told: dict[str, Any]) -> list[str]:
    return [name for name, one in told.items() if "error" not in one]


def bad(told: dict[str, Any]) -> list[str]:
    return [name for name, one in told.items() if "error" in one]


def recorded(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


def cited(events: Iterable[StreamEvent]) -> list[dict[str, Any]]:
    found = [event.citation for event in events if isinstance(event, Cited)]
    return [{"url": one.url, "title": one.title, "start": one.start, "end": one.end} for one in found]


def logprobs(events: Iterable[StreamEvent]) -> list[Any]:
    given = [event.logprobs for event in events if isinstance(event, Delta) and event.logprobs is not None]
    return [entry for raw in given for entry in msgspec.json.decode(raw)]


def broken_off(name: str, told: dict[str, Any], caller: Dialect, size: int) -> bytes:
    """What a caller gets of a bad stream, which ends in the error that `told` names and tells nothing secret."""
    summary = StreamSummary()
    stream = codec(told["dialect"], caller, summary)
    out = b""
    with pytest.raises(errors.UpstreamError) as caught:
        for chunk in pieces(recorded(name), size):
            out += stream.feed(chunk)
        out += stream.end()
    assert type(caught.value).__name__ == told["error"]
    assert caught.value.status == told["status"]
    assert not summary.finished
    assert b"10.1.2.3" not in out and "10.1.2.3" not in caught.value.message
    assert out.endswith(b"\n\n") and (b"half" in out or b"good" in out)
    assert b"[DONE]" not in out and b"message_stop" not in out
    return out
