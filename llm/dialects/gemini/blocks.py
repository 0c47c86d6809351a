"""The parts of Gemini's answers, as the hub's blocks: whole answers and streams are read alike."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from llm.dialects.gemini import wire
from llm.dialects.gemini.citations import citations_of, has_citations
from llm.dialects.gemini.logprobs import read_logprobs
from llm.dialects.gemini.signature import HOME
from llm.dialects.grammar import Body, Outside
from llm.dialects.neutral import (
    NO_ARGUMENTS,
    BlockEnd,
    BlockStart,
    Citation,
    Cited,
    Delta,
    Part,
    RedactedThinking,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
)
from llm.errors import UpstreamMalformed

Prose: TypeAlias = Text | Thinking
_NO_PARTS: Final[list[wire.PartWire]] = []


class Blocks:
    """`parts` are the blocks so far, each without its text: what the finish reason is settled by.

    A signature on a part that is no thought is a block of thinking without text before that part. Parts of a kind
    that the hub has no word for (code that Google ran, images that it drew) are skipped.
    """

    def __init__(self, outside: Outside) -> None:
        self.parts: list[Part] = []
        self._outside = outside
        self._events: list[StreamEvent] = []
        self._open: Prose | None = None
        self._texts: list[str] = []
        self._cited: set[Citation] = set()
        self._logprobs: list[Body] = []

    def take(self, candidate: wire.CandidateWire) -> list[StreamEvent]:
        self._events = []
        parts = (candidate.content and candidate.content.parts) or _NO_PARTS
        self._logprobs += read_logprobs(candidate.logprobs_result)
        # The sources stand beside the parts, and belong to the text.
        last = max((place for place, part in enumerate(parts) if part.text and not part.thought), default=-1)
        if last < 0:
            self._cite(candidate)
        for place, part in enumerate(parts):
            self._part(part)
            if place == last:
                self._cite(candidate)
        return self._events

    def end(self) -> list[StreamEvent]:
        self._events = []
        self._close()
        return self._events

    def _part(self, part: wire.PartWire) -> None:
        signature = part.thought_signature
        if part.thought:
            self._thought(part.text or "", signature)
            return
        if signature:
            self._close()
            self._thought("", signature)
        if part.function_call is not None:
            self._call(part.function_call)
        elif part.text:
            self._texts.append(part.text)
            self._say(Text(""), part.text)

    def _thought(self, text: str, signature: str | None) -> None:
        if text:
            self._say(Thinking(""), text)
        if signature:
            if not isinstance(self._open, Thinking):
                self._close()
                self._begin(Thinking(""))
            self._open = None
            self._events.append(BlockEnd(signature, HOME))

    def _call(self, call: wire.FunctionCallWire) -> None:
        """Calls come whole."""
        if not call.name:
            raise UpstreamMalformed("The provider's answer has a tool call without a name.")
        self._close()
        self._begin(ToolCall(call.id or f"call_{self._outside.new_id()}", call.name, ""))
        self._events += (Delta(_arguments(call.args)), BlockEnd())

    def _say(self, empty: Prose, text: str) -> None:
        if type(self._open) is not type(empty):
            self._close()
            self._begin(empty)
            self._open = empty
        logprobs = None
        if self._logprobs and isinstance(empty, Text):
            logprobs = msgspec.Raw(msgspec.json.encode(self._logprobs))
            self._logprobs = []
        self._events.append(Delta(text, logprobs))

    def _cite(self, candidate: wire.CandidateWire) -> None:
        """Streams may repeat their sources, and name them when the text is closed: then in an empty one behind it."""
        if not (self._texts and has_citations(candidate)):
            return
        for citation in citations_of(candidate, "".join(self._texts)):
            if citation in self._cited:
                continue
            if not isinstance(self._open, Text):
                self._close()
                self._open = Text("")
                self._begin(self._open)
            self._cited.add(citation)
            self._events.append(Cited(citation))

    def _begin(self, part: Prose | RedactedThinking | ToolCall) -> None:
        self._events.append(BlockStart(len(self.parts), part))
        self.parts.append(part)

    def _close(self) -> None:
        if self._open is not None:
            self._events.append(BlockEnd())
            self._open = None


def _arguments(raw: msgspec.Raw) -> str:
    if wire.absent(raw):
        return NO_ARGUMENTS
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise UpstreamMalformed("The provider's tool call cannot be read.") from error
