"""Streamed tool calls put in order.

OpenAI's deltas name their call by an index and may interleave; the hub has one open block at a time. So the first
call that is not whole is live, and the later ones wait until it is.
"""

from __future__ import annotations

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_chat.result import arguments_of
from llm.dialects.openai_chat.wire import ToolCallWire
from llm.errors import UpstreamMalformed


class StreamedCall:
    """One call under way. `waiting` are pieces of its arguments that nobody was given yet."""

    __slots__ = ("given", "id", "name", "waiting")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.given: list[str] = []
        self.waiting: list[str] = []

    def take(self) -> str:
        """The waiting pieces as one; they are given now."""
        text = "".join(self.waiting)
        self.waiting.clear()
        if text:
            self.given.append(text)
        return text

    @property
    def whole(self) -> bool:
        """Are the arguments a whole JSON object? Then no more of them can come but white space."""
        text = "".join(self.given) + "".join(self.waiting)
        if not text.rstrip().endswith("}"):
            return False
        try:
            msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except BAD_JSON:
            return False
        return True


class StreamedCalls:
    """The calls of one answer, in the order in which they began; `first` is the one that is not closed yet."""

    __slots__ = ("_by_index", "_calls", "_closed", "_last")

    def __init__(self) -> None:
        self._calls: list[StreamedCall] = []
        self._by_index: dict[int, StreamedCall] = {}
        self._closed = 0
        self._last = -1

    @property
    def first(self) -> StreamedCall | None:
        return self._calls[self._closed] if self._closed < len(self._calls) else None

    @property
    def others_wait(self) -> bool:
        return self._closed + 1 < len(self._calls)

    def close_first(self) -> None:
        self._closed += 1

    def take(self, delta: ToolCallWire) -> None:
        call = self._call_of(delta)
        function = delta.function
        if delta.id and not call.id:
            call.id = delta.id
        if function is None:
            return
        if function.name and not call.name:
            call.name = function.name
        text = arguments_of(function)
        if not text:
            return
        if call in self._calls[: self._closed]:
            if text.strip():
                raise UpstreamMalformed("The provider's stream goes on with a tool call that was whole.")
            return
        call.waiting.append(text)

    def _call_of(self, delta: ToolCallWire) -> StreamedCall:
        index = delta.index
        if index is None:
            # Some servers leave the index out: a name begins a call, what has none goes on with the last one.
            begins = delta.function is not None and bool(delta.function.name)
            index = self._last + 1 if begins else max(self._last, 0)
        call = self._by_index.get(index)
        if call is None or _is_another(call, delta):
            call = StreamedCall()
            self._calls.append(call)
            self._by_index[index] = call
        self._last = max(self._last, index)
        return call


def _is_another(call: StreamedCall, delta: ToolCallWire) -> bool:
    """Some servers give every call the index 0: another id together with a name is another call."""
    named = delta.function is not None and delta.function.name
    return bool(delta.id and call.id and delta.id != call.id and named)
