"""A stream with one event that cannot be read, and an answer that may lack something for it.

What comes behind such an event is kept, and given in the end if nothing is missing; else it never is, and the call
fails as a stream that was cut does. That nothing is missing is known where the provider counts no more tokens than
there were events that said something: each was one token at least, so that the unreadable one held none.

Pure. Only for dialects that are mostly streamed so (SAYS), and for the first such event of a stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NoReturn

from llm.dialects.said import object_of
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import Dialect, StreamSummary

MOST_KEPT: Final = 4 * 1024 * 1024
"""Bytes."""

SAYS: Final[Mapping[Dialect, re.Pattern[bytes]]] = {
    "openai_chat": re.compile(rb'"content":\s?"[^"]'),
    "anthropic_messages": re.compile(rb'"text":\s?"[^"]'),
}
"""Found in no event that says nothing: what it overlooks counts as missing."""


class Doubt:
    """`kept` is what is to be given once nothing is found to be missing, `error` what is raised otherwise; then the
    answer is not finished, whatever its stream said."""

    __slots__ = ("_bytes", "_summary", "error", "kept")

    def __init__(self, error: UpstreamMalformed, summary: StreamSummary) -> None:
        self.error = error
        self.kept: list[bytes] = []
        self._summary = summary
        self._bytes = 0

    def keep(self, given: bytes) -> None:
        self.kept.append(given)
        self._bytes += len(given)
        if self._bytes > MOST_KEPT:
            self._give_up()

    def settle(self, said: int) -> bytes:
        """All that was kept. `said`: how many events of the answer said something."""
        if not self._summary.finished or said == 0 or self._summary.usage.output_tokens != said:
            self._give_up()
        return b"".join(self.kept)

    def _give_up(self) -> NoReturn:
        self._summary.finished = False
        try:
            raise self.error
        finally:
            del self.error  # by its traceback it holds this


def unreadable(frame: Frame) -> bool:
    """Is its data no JSON, and no mark of an end either?"""
    return not frame.data.startswith(b"[") and object_of(frame.data) is None
