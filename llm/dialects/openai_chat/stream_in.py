"""Chat completion chunks, read into the hub's stream."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Delta,
    Finished,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    arguments_text,
    settled_reason,
)
from llm.dialects.openai_chat import wire
from llm.dialects.openai_chat.error import read_error, refuse_bare_error
from llm.dialects.openai_chat.relay import DONE
from llm.dialects.openai_chat.result import refuse_error_reason
from llm.dialects.openai_chat.tool_calls import StreamedCall, StreamedCalls
from llm.dialects.sse import Frame
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason, StreamSummary

Prose: TypeAlias = Text | Thinking | Refusal
_decode: Final = msgspec.json.Decoder(wire.ChunkWire).decode


class ChatReader:
    """Reads choice 0 (n > 1 never comes here). `Finished` is held back until the usage can be known: the usage
    chunk comes behind the finish reason."""

    def __init__(self, summary: StreamSummary, outside: Outside) -> None:
        self.complete = False
        self._summary = summary
        self._outside = outside
        self._started = False
        self._parts: list[Prose | ToolCall] = []
        self._open: Prose | StreamedCall | None = None
        self._calls = StreamedCalls()
        self._late: list[Prose] = []
        self._events: list[StreamEvent] = []

    def read(self, frame: Frame) -> list[StreamEvent]:
        if not frame.data or self.complete:
            return []
        if frame.data.startswith(DONE):
            self.complete = True
            return []
        try:
            chunk = _decode(frame.data)
        except BAD_JSON as error:
            raise UpstreamMalformed("The provider's stream holds a malformed event.") from error
        if not wire.absent(chunk.error):
            raise read_error(chunk.error)
        if chunk.choices is None:
            refuse_bare_error(frame.data)
        self._events = []
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._choice(choice, chunk)
        usage = wire.read_usage(chunk.usage)
        if usage is not None:
            self._summary.usage = usage
            self.complete = self._summary.finished and not chunk.choices
        return self._events

    def end(self) -> list[StreamEvent]:
        summary = self._summary
        if not summary.finished:
            raise UpstreamMalformed("The provider's stream ended before its answer did.")
        return [Finished(summary.finish_reason, summary.usage)]

    def _choice(self, choice: wire.StreamChoiceWire, chunk: wire.ChunkWire) -> None:
        if self._summary.finished:
            return
        if not self._started:
            self._started = True
            self._events.append(Started(chunk.id or "", chunk.model or "", self._summary.usage))
        if choice.delta is not None:
            self._delta(choice.delta)
        if choice.finish_reason:
            refuse_error_reason(choice.finish_reason)
            self._settle(wire.finish_reason(choice.finish_reason))

    def _delta(self, delta: wire.DeltaWire) -> None:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            self._prose(Thinking(thought))
        if delta.content:
            self._prose(Text(delta.content))
        if delta.refusal:
            self._prose(Refusal(delta.refusal))
        if delta.tool_calls:
            for call in delta.tool_calls:
                self._calls.take(call)
            self._tools()

    def _prose(self, piece: Prose) -> None:
        if isinstance(self._open, StreamedCall) and self._open.whole:
            self._close_call(self._open)
        if self._calls.first is not None:
            self._late.append(piece)  # the call may go on: prose that comes between waits behind the calls
            return
        if not isinstance(self._open, type(piece)):
            self._close()
            self._begin(piece)
        self._events.append(Delta(piece.text))

    def _begin(self, piece: Prose) -> None:
        empty = type(piece)("")
        self._open = empty
        self._start(empty)

    def _start(self, part: Prose | ToolCall) -> None:
        self._events.append(BlockStart(len(self._parts), part))
        self._parts.append(part)

    def _close(self) -> None:
        if self._open is not None:
            self._events.append(BlockEnd())
            self._open = None

    def _tools(self) -> None:
        """Gives what can be given of the calls: the first that is not closed, and the next once that one is whole."""
        while (call := self._calls.first) is not None and call.name:
            if self._open is not call:
                self._close()
                self._open_call(call)
            self._give(call.take())
            if not (self._calls.others_wait and call.whole):
                return
            self._close_call(call)

    def _open_call(self, call: StreamedCall) -> None:
        call.id = call.id or f"call_{self._outside.new_id()}"
        self._open = call
        self._start(ToolCall(call.id, call.name, ""))

    def _give(self, text: str) -> None:
        if text:
            self._events.append(Delta(text))

    def _close_call(self, call: StreamedCall) -> None:
        text = "".join(call.given)
        self._give(arguments_text(text)[len(text) :])
        self._close()
        self._calls.close_first()

    def _settle(self, reason: FinishReason) -> None:
        """The finish reason is here: nothing more comes, so all that waits is given and closed."""
        while (call := self._calls.first) is not None:
            if not call.name:
                raise UpstreamMalformed("The provider's stream has a tool call without a name.")
            if self._open is not call:
                self._close()
                self._open_call(call)
            self._give(call.take())
            self._close_call(call)
        late, self._late = self._late, []
        for piece in late:
            self._prose(piece)
        self._close()
        self._summary.finish_reason = settled_reason(reason, self._parts)
        self._summary.finished = True
