"""The blocks of an answer under way, from the deltas of one choice.

A delta may hold anything at any time; the hub has one open block at a time. Prose that comes while a tool call is not
whole waits behind the calls.
"""

from __future__ import annotations

from typing import TypeAlias

from llm.dialects.grammar import Outside
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Citation,
    Cited,
    Delta,
    Part,
    RedactedThinking,
    Refusal,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    arguments_text,
    settled_reason,
)
from llm.dialects.openai_chat.citations import read_annotations
from llm.dialects.openai_chat.content import thought_and_text
from llm.dialects.openai_chat.logprobs import as_list, entries_of
from llm.dialects.openai_chat.thoughts import DetailWire, read_details, thought
from llm.dialects.openai_chat.tool_calls import StreamedCall, StreamedCalls
from llm.dialects.openai_chat.wire import DeltaWire, StreamChoiceWire, absent
from llm.errors import UpstreamMalformed
from llm.spec import FinishReason

Prose: TypeAlias = Text | Thinking | Refusal


class Blocks:
    """`take` gives the events of one delta, `settle` those that are left when the finish reason is here."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._events: list[StreamEvent] = []
        self._parts: list[Part] = []
        self._open: Prose | StreamedCall | None = None
        self._calls = StreamedCalls()
        self._late: list[DeltaWire] = []
        self._logprobs: list[bytes] = []
        self._uncited: list[Citation] = []
        # Of the open thinking: did its text come flat, and which of the details is it?
        self._is_flat = False
        self._detail: int | None = None

    def take(self, choice: StreamChoiceWire) -> list[StreamEvent]:
        self._events = []
        delta = choice.delta
        if not absent(choice.logprobs):
            self._logprobs += entries_of(choice.logprobs)
        if delta is None:
            return self._events
        if _has_prose(delta):
            self._prose_of(delta)
        if delta.tool_calls:
            for call in delta.tool_calls:
                self._calls.take(call)
            self._tools()
        return self._events

    def settle(self) -> list[StreamEvent]:
        """Nothing more comes, so all that waits is given and closed."""
        self._events = []
        while (call := self._calls.first) is not None:
            if not call.name:
                raise UpstreamMalformed("The provider's stream has a tool call without a name.")
            if self._open is not call:
                self._close()
                self._open_call(call)
            self._give(call.take())
            self._close_call(call)
        self._give_late()
        if self._uncited:
            self._turn_to(Text)
        self._close()
        return self._events

    def reason(self, reason: FinishReason) -> FinishReason:
        return settled_reason(reason, self._parts)

    def _prose_of(self, delta: DeltaWire) -> None:
        if isinstance(self._open, StreamedCall) and self._open.whole:
            self._close_call(self._open)
        if self._calls.first is not None:
            self._late.append(delta)  # the call may go on
            return
        self._give_late()
        self._say_all(delta)

    def _give_late(self) -> None:
        late, self._late = self._late, []
        for delta in late:
            self._say_all(delta)

    def _say_all(self, delta: DeltaWire) -> None:
        flat, content = delta.reasoning_content or delta.reasoning or "", delta.content
        if isinstance(content, list):
            thinking, content = thought_and_text(content)
            flat += thinking
        details = [] if absent(delta.reasoning_details) else read_details(delta.reasoning_details)
        if flat:
            self._think(flat, details[0].index if details else None, is_flat=True)
        for detail in details:
            self._take_detail(detail, is_said=bool(flat))
        if content:
            self._turn_to(Text)
            self._give(content)
        if not absent(delta.annotations):
            self._cite(read_annotations(delta.annotations))
        if delta.refusal:
            self._turn_to(Refusal)
            self._give(delta.refusal)

    def _think(self, text: str, index: int | None, *, is_flat: bool) -> None:
        if isinstance(self._open, Thinking) and None not in (index, self._detail) and index != self._detail:
            self._close()
        self._turn_to(Thinking)
        self._is_flat = is_flat
        if index is not None:
            self._detail = index
        self._give(text)

    def _take_detail(self, detail: DetailWire, *, is_said: bool) -> None:
        """Beside flat text a detail says the same once more; alone it says new text, or closes what was said flat."""
        part = thought(detail)
        if part is None:
            return
        if isinstance(part, RedactedThinking):
            self._close()
            self._start(part)
            self._events.append(BlockEnd())
            return
        closes = isinstance(self._open, Thinking) and self._is_flat and not is_said
        if part.text and not is_said and not closes:
            self._think(part.text, detail.index, is_flat=False)
        if part.signature:
            self._turn_to(Thinking)
        if part.signature or closes:
            self._close(part.signature, part)

    def _cite(self, citations: tuple[Citation, ...]) -> None:
        """Sources that come before their text wait for it."""
        if isinstance(self._open, Text):
            self._events += [Cited(citation) for citation in citations]
        else:
            self._uncited += citations

    def _turn_to(self, kind: type[Prose]) -> None:
        """Now a block of this kind is open."""
        if isinstance(self._open, kind):
            return
        self._close()
        empty = kind("")
        self._open = empty
        self._start(empty)
        if kind is Text and self._uncited:
            waiting, self._uncited = self._uncited, []
            self._events += [Cited(citation) for citation in waiting]

    def _start(self, part: Prose | RedactedThinking | ToolCall) -> None:
        self._events.append(BlockStart(len(self._parts), part))
        self._parts.append(part)

    def _give(self, text: str) -> None:
        if text:
            logprobs, self._logprobs = self._logprobs, []
            self._events.append(Delta(text, as_list(logprobs) if logprobs else None))

    def _close(self, signature: str | None = None, signed: Thinking | None = None) -> None:
        if self._open is None:
            return
        self._events.append(BlockEnd(signature, signed.origin if signed is not None else None))
        self._open = None
        self._detail = None
        self._is_flat = False

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

    def _close_call(self, call: StreamedCall) -> None:
        text = "".join(call.given)
        self._give(arguments_text(text)[len(text) :])
        self._close()
        self._calls.close_first()


def _has_prose(delta: DeltaWire) -> bool:
    if delta.content or delta.reasoning_content or delta.reasoning or delta.refusal:
        return True
    return not (absent(delta.reasoning_details) and absent(delta.annotations))
