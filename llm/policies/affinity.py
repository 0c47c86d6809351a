"""Calls that belong together go to the same target and key, where the provider's prompt cache knows them.

Rendezvous hashing: each place gets a number from the session and its own name, scaled by its weight, and the lowest
comes first. So each session has an order of its own over all places; where one goes away only its own sessions move,
each to the next in its order, and they come back with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from math import inf, log
from typing import Final, TypeVar

import msgspec

from llm.dialects.attachments import FIELD
from llm.snapshot import Affinity
from llm.spec import Dialect, Request

T = TypeVar("T")

_INSTRUCTIONS: Final[Mapping[Dialect, tuple[str, ...]]] = {
    "openai_responses": ("instructions",),
    "anthropic_messages": ("system",),
    "gemini": ("systemInstruction", "system_instruction"),
}
_SAYING: Final = ("text", "content", "parts")
_MOST_MESSAGES: Final = 16
_PREFIX: Final = 32_768
_DECODER: Final = json.JSONDecoder(strict=False)
_BETWEEN: Final = re.compile(r"[\s,]*")
_BIGGEST: Final = float(2**64)


def key_of(request: Request, session: str, affinity: Affinity) -> str | None:
    """What the call's session is known by; None where it belongs to none. `session` is what the caller's header says,
    "" without one; it comes before the conversation.

    A conversation is known by its instructions and its messages up to the first of the user: by their texts, so that
    marks for a cache, which come and go, do not matter. What is no JSON has no session; nothing is refused here.
    """
    if affinity == "none":
        return None
    if session:
        return session
    return _conversation_key(request) if affinity == "conversation" else None


def in_order_of(session: str, items: Sequence[T], name: Callable[[T], str], weight: Callable[[T], int]) -> list[T]:
    """All items in the session's own order: over many sessions each comes first as often as its weight says. Items are
    told apart by `name`; weight 0 comes last."""
    if len(items) < 2:
        return list(items)
    begin = blake2b(session.encode("utf-8", "surrogatepass"), digest_size=8)

    def place(item: T) -> tuple[float, float]:
        state = begin.copy()
        state.update(b"\0" + name(item).encode())
        # In (0, 1]: the time until something happens that happens `weight` times as often is -log of it by weight.
        wait = -log((int.from_bytes(state.digest()) + 1) / _BIGGEST)
        share = weight(item)
        return (wait / share, wait) if share > 0 else (inf, wait)

    return sorted(items, key=place)


def _conversation_key(request: Request) -> str | None:
    raw = request.fields.get(FIELD.get(request.dialect, ""))
    if raw is None:
        return None
    instructions = (request.fields.get(name) for name in _INSTRUCTIONS.get(request.dialect, ()))
    state = blake2b(digest_size=16)
    said = False
    try:
        first = [_DECODER.decode(str(one, "utf-8")) for one in instructions if one is not None]
        for text in _texts([*first, *_first_messages(raw, "user" if request.dialect == "gemini" else "")]):
            state.update(text)
            said = True
    except (ValueError, RecursionError):
        return None
    return state.hexdigest() if said else None


def _first_messages(raw: msgspec.Raw, role: str) -> list[object]:
    """Up to the first of the user; `role` is whose a message without one is. A long conversation is not read to its
    end: its first piece mostly suffices."""
    view = memoryview(raw)
    if len(view) > _PREFIX:
        try:
            return list(_up_to_the_user(str(view[:_PREFIX], "utf-8", "ignore"), role))
        except ValueError:
            pass  # it was cut within a message
    return list(_up_to_the_user(str(view, "utf-8"), role))


def _up_to_the_user(text: str, role: str) -> Iterator[object]:
    """Messages of a JSON array, read one by one; else the one value. ValueError where it is no JSON so far."""
    if not text.startswith("["):
        yield _DECODER.decode(text)
        return
    place = _past(text, 1)
    for _ in range(_MOST_MESSAGES):
        if text.startswith("]", place):
            return
        message, place = _DECODER.raw_decode(text, place)
        yield message
        if not isinstance(message, dict) or message.get("role", role) == "user":
            return
        place = _past(text, place)


def _past(text: str, place: int) -> int:
    """Where the next value begins."""
    between = _BETWEEN.match(text, place)
    return between.end() if between else place


def _texts(value: object) -> Iterator[bytes]:
    """What is said, however it is put: a text stands for a list of one part with that text."""
    if isinstance(value, str) and value:
        yield b"\0" + value.encode("utf-8", "surrogatepass")
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        inner = next((value[name] for name in _SAYING if name in value), None)
        yield from _texts(inner) if inner is not None else _unspoken(value)


def _unspoken(part: Mapping[str, object]) -> Iterator[bytes]:
    """An image, or whatever it may be: its JSON, but for a mark of a cache."""
    kept = {name: value for name, value in part.items() if name != "cache_control"}
    yield b"\1" + json.dumps(kept, sort_keys=True).encode()
