"""The beginning of a stream: what is held back until it is worth giving, so that a stream which dies before that falls
back unseen.

Without a guard that is the first event that says anything: a role, a ping or an empty beginning is none, and does not
stop the clock of the first token. With a guard (`RoutePolicy.stream_guard`) it is so many characters of the answer, or
all of it. A stream that is finished is read to its end before anything of it is given.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal

from llm.dialects import hub
from llm.dialects.sse import SseDecoder
from llm.errors import UpstreamContentFiltered, UpstreamMalformed, UpstreamTimeout
from llm.snapshot import StreamGuard
from llm.spec import AnswerStream, Dialect, FinishReason

MOST_HELD: Final = 4 * 1024 * 1024
"""Bytes: more is let go, whatever the guard says."""

# Where this stands in an event of any dialect, it says something; what it overlooks is read closely.
_SAYS_SOMETHING: Final = re.compile(
    rb'"(?:content|reasoning_content|text|thinking|partial_json|arguments|delta)":\s?"[^"]'
)
_SAYS_NOTHING: Final = (b":", b"event:", b"id:", b"retry:")

Why = Literal["begun", "guarded", "finished", "full"]


@dataclass(slots=True)
class Opening:
    """`data` is what was held; `why` it is let go: something was said and there is no guard, the guard has enough, the
    answer is whole, or MOST_HELD is reached."""

    data: bytes
    why: Why


@dataclass(slots=True)
class Terms:
    """`dialect`: the caller's; None where the stream is no row of events. `first_token`: seconds from now on until the
    answer must have begun. `begun` is called when it has. `refuse_filtered`: is an answer that the provider's content
    filter left nothing of an error?"""

    dialect: Dialect | None
    guard: StreamGuard | None
    first_token: float
    begun: Callable[[], None]
    refuse_filtered: bool = False


async def opening(stream: AnswerStream, pieces: AsyncIterator[bytes], terms: Terms) -> Opening:
    """Reads `pieces`, those of `stream`, until the beginning can be given. Raises what they raise, UpstreamMalformed
    where there is none, UpstreamTimeout (first_token) where nothing is said in time."""
    deadline = asyncio.get_running_loop().time() + terms.first_token
    piece = await _some(pieces)  # until here the transport's own limit holds
    if terms.dialect is None or _is_enough(piece, stream, terms):
        terms.begun()
        return Opening(piece, "begun")
    beginning = _Beginning(stream, terms.dialect, terms)
    if not beginning.take(piece):
        try:
            async with asyncio.timeout_at(None if beginning.is_begun else deadline) as limit:
                while not beginning.take(await anext(pieces, None)):
                    if beginning.is_begun and limit.when() is not None:
                        limit.reschedule(None)
        except TimeoutError as error:
            raise UpstreamTimeout("The provider did not begin its answer in time.", phase="first_token") from error
    return beginning.given()


async def _some(pieces: AsyncIterator[bytes]) -> bytes:
    async for piece in pieces:
        if piece:
            return piece
    raise UpstreamMalformed("The provider's answer ended before it began.")


def _is_enough(piece: bytes, stream: AnswerStream, terms: Terms) -> bool:
    """Seen at a glance: nearly every stream begins so, and is not looked at any further."""
    return terms.guard is None and not stream.summary.finished and _SAYS_SOMETHING.search(piece) is not None


def _without_data(raw: bytes) -> int | None:
    """A comment says nothing; what is no event at all cannot be judged."""
    return None if raw.startswith(_SAYS_NOTHING) else 0


def refuse_filtered(reason: FinishReason) -> None:
    """Raises UpstreamContentFiltered where an answer ended in the provider's content filter."""
    if reason == "content_filter":
        raise UpstreamContentFiltered("The provider's content policy refuses to answer.")


class _Beginning:
    """What is held of a stream, and what has been said in it."""

    __slots__ = ("_bytes", "_characters", "_held", "_most", "_said", "_stream", "_terms", "_why", "is_begun")

    def __init__(self, stream: AnswerStream, dialect: Dialect, terms: Terms) -> None:
        self.is_begun = False
        self._stream = stream
        self._terms = terms
        self._said = hub.said_by(dialect)
        guard = terms.guard
        self._most: int | None = 0 if guard is None else guard.characters
        self._held: list[bytes] = []
        self._bytes = self._characters = 0
        self._why: Why = "begun" if guard is None else "guarded"

    def take(self, piece: bytes | None) -> bool:
        """One more piece, None for the end. True where that is enough."""
        if piece is None:
            self._why = "finished"
            return True
        self._held.append(piece)
        self._bytes += len(piece)
        self._hear(piece)
        if self._stream.summary.finished:
            self._begin()
        elif self.is_begun and self._most is not None and self._characters >= self._most:
            return True
        if self._bytes > MOST_HELD:
            self._why = "full"
            return True
        return False

    def given(self) -> Opening:
        self._begin()
        if self._why == "finished" and self._terms.refuse_filtered and not self._characters:
            refuse_filtered(self._stream.summary.finish_reason)
        return Opening(b"".join(self._held), self._why)

    def _hear(self, piece: bytes) -> None:
        """Counts no further than is asked for: without a guard the first word is enough."""
        decoder = SseDecoder()
        for frame in itertools.chain(decoder.feed(piece), decoder.flush()):
            count = self._said(frame.data) if frame.data else _without_data(frame.raw)
            if count is None:
                continue
            self._begin()
            self._characters += count
            if self._most is not None and self._characters >= max(self._most, 1):
                return

    def _begin(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            self._terms.begun()
