"""Chunks of a chat completion put together. Pure: no clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_gateway_client import reading, told
from llm_gateway_client.answers import FinishReason, LLMResponse, StreamChunk
from llm_gateway_client.door import Answer, Trail
from llm_gateway_client.errors import GatewayFailure


@dataclass(slots=True)
class _Call:
    """A tool call as far as it is here."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


class Assembly:
    """`feed` each chunk, then `end` or `fail` once. Only the first choice is put together.

    Nothing is raised for a chunk, whatever it is. A stream that ends without a finish reason is a failure.
    """

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.trail = Trail()
        self.begun = False  # a piece of the answer is here
        self._texts: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._usage: dict[str, Any] | None = None
        self._model = ""

    def feed(self, chunk: dict[str, Any]) -> StreamChunk | None:
        """A chunk with text or a part of a tool call; None for one that has neither."""
        if isinstance(chunk.get("gateway"), dict):
            self.trail = reading.trail(chunk["gateway"], self.trail)
        self._model = told.text(chunk.get("model")) or self._model
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        choice = self._first(chunk)
        self._finish = told.text(choice.get("finish_reason")) or self._finish
        delta = told.obj(choice.get("delta"))
        text = told.content(delta.get("content")) or ""
        calls = told.array(delta.get("tool_calls"))
        for call in calls:
            self._add(told.obj(call))
        if not text and not calls:
            return None
        self.begun = True
        self._texts.append(text)
        return StreamChunk(self.request_id, delta_text=text, raw=chunk)

    def end(self) -> StreamChunk:
        """The stream has ended as it should: its last chunk."""
        if self._finish is None:
            return self.fail(reading.malformed("The stream ended before the answer was whole."))
        return self._last(self._put_together())

    def fail(self, failure: GatewayFailure) -> StreamChunk:
        """The stream has failed: its last chunk. What has come of the answer is in its response."""
        self.trail.call_id = self.trail.call_id or failure.call_id
        found = self._put_together()
        found.finish_reason = FinishReason.ERROR
        found.error_details = reading.details(failure, request_id=self.request_id)
        return self._last(found)

    def _put_together(self) -> LLMResponse:
        calls = [call.as_json() for _, call in sorted(self._calls.items())]
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        if calls:
            message["tool_calls"] = calls
        body = {
            "object": "chat.completion",
            "model": self._model,
            "choices": [{"index": 0, "message": message, "finish_reason": self._finish}],
            "usage": self._usage,
        }
        return reading.response(Answer(body, self.trail), request_id=self.request_id)

    def _last(self, found: LLMResponse) -> StreamChunk:
        return StreamChunk(
            self.request_id,
            is_final=True,
            finish_reason=found.finish_reason,
            tool_use_requests=found.tool_use_requests,
            usage=found.usage,
            error_details=found.error_details,
            response=found,
        )

    def _first(self, chunk: dict[str, Any]) -> dict[str, Any]:
        choices = [told.obj(choice) for choice in told.array(chunk.get("choices"))]
        return next((choice for choice in choices if choice.get("index") in (0, None)), {})

    def _add(self, part: dict[str, Any]) -> None:
        """A part belongs to the call of its index. Without one, a new id begins a call, and no id goes on with it."""
        index = part.get("index")
        if not isinstance(index, int):
            last = max(self._calls, default=-1)
            known = last >= 0 and told.text(part.get("id")) in ("", self._calls[last].id)
            index = last if known else last + 1
        call = self._calls.setdefault(index, _Call())
        function = told.obj(part.get("function"))
        call.id = call.id or told.text(part.get("id"))
        call.name = call.name or told.text(function.get("name"))
        call.arguments += told.text(function.get("arguments"))


def as_chunks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A whole answer as the chunks of a stream: for a door that has no streams."""
    choices = []
    for choice in map(told.obj, told.array(body.get("choices"))):
        message = told.obj(choice.get("message"))
        whole = told.array(message.get("tool_calls"))
        calls = [{"index": number, **told.obj(call)} for number, call in enumerate(whole)]
        delta = {**message, "tool_calls": calls} if calls else message
        choices.append({**{name: value for name, value in choice.items() if name != "message"}, "delta": delta})
    return [{**body, "object": "chat.completion.chunk", "choices": choices}]
