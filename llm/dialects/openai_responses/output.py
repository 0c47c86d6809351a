"""The items of an answer as they are written, and the events that tell of each step.

Texts and refusals that stand side by side are parts of one message. An item is closed by the next one or by the end of
the answer, which says whether the last item is whole. Events are without their sequence number here.
"""

from __future__ import annotations

from typing import Final

from llm.dialects.grammar import Body
from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Citation,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from llm.dialects.openai_responses import sources
from llm.dialects.openai_responses.logprobs import EntryWire
from llm.dialects.openai_responses.signature import to_caller

_PREFIX: Final = {Text: "msg", Refusal: "msg", ToolCall: "fc", Thinking: "rs", RedactedThinking: "rs"}


class Output:
    """`base` tells this answer's ids from others'. `items` are those that are closed; `refused`: is there a refusal
    among them?"""

    def __init__(self, base: str) -> None:
        self.items: list[Body] = []
        self.refused = False
        self._base = base
        self._item: Body = {}  # empty: none is open
        self._content: list[Body] = []
        self._part: Part = Text("")
        self._texts: list[str] = []
        self._citations: list[Citation] = []
        self._logprobs: list[EntryWire] = []
        self._before = 0  # characters of text in earlier messages
        self._length = 0  # and with those of this one

    def place(self) -> Body:
        """Of the open block, as its events name it."""
        where: Body = {"item_id": self._item.get("id"), "output_index": len(self.items)}
        if isinstance(self._part, Text | Refusal):
            where["content_index"] = len(self._content)
        elif isinstance(self._part, Thinking):
            where["summary_index"] = 0
        return where

    def open(self, start: BlockStart) -> list[Body]:
        part = start.part
        goes_on = isinstance(part, Text | Refusal) and self._item.get("type") == "message"
        events = [] if goes_on else self.finish("completed")
        self._part, self._texts, self._citations, self._logprobs = part, [], [], []
        self.refused = self.refused or isinstance(part, Refusal)
        if not goes_on:
            self._content = []
            self._before = self._length
            self._item = {"id": f"{_PREFIX[type(part)]}_{self._base}_{len(self.items)}", **_begun(part)}
            events.append(
                {"type": "response.output_item.added", "output_index": len(self.items), "item": {**self._item}}
            )
        if isinstance(part, Text | Refusal):
            empty = _text("", [], []) if isinstance(part, Text) else _refusal("")
            events.append({"type": "response.content_part.added", **self.place(), "part": empty})
        return events

    def say(self, text: str, logprobs: list[EntryWire]) -> list[Body]:
        """The event of the delta itself is the writer's; these are those before it."""
        first = not self._texts
        self._texts.append(text)
        self._logprobs += logprobs
        if first and isinstance(self._part, Thinking):
            return [{"type": "response.reasoning_summary_part.added", **self.place(), "part": _summary("")}]
        return []

    def cite(self, citation: Citation) -> None:
        """Told at the end of the block: only then is known what a source without a place stands behind."""
        self._citations.append(citation)

    def close(self, end: BlockEnd) -> list[Body]:
        text, part, place = "".join(self._texts), self._part, self.place()
        match part:
            case Text():
                return self._close_text(text, place)
            case Refusal():
                self._content.append(_refusal(text))
                done = {"type": "response.refusal.done", **place, "refusal": text}
                return [done, {"type": "response.content_part.done", **place, "part": _refusal(text)}]
            case ToolCall():
                self._item["arguments"] = text
                done = {"type": "response.function_call_arguments.done", **place, "name": part.name, "arguments": text}
                return [done]
            case Thinking():
                if end.signature:
                    self._item["encrypted_content"] = to_caller(end.signature, end.origin, redacted=False)
                return self._close_summary(text, place) if text else []
        return []

    def finish(self, status: str) -> list[Body]:
        """Closes the open item: "completed", or "incomplete" where the answer breaks off in it."""
        item, self._item = self._item, {}
        if not item:
            return []
        if item["type"] == "message":
            item["content"] = self._content
        if "status" in item:
            item["status"] = status
        self.items.append(item)
        return [{"type": "response.output_item.done", "output_index": len(self.items) - 1, "item": item}]

    def _close_text(self, text: str, place: Body) -> list[Body]:
        start = self._length - self._before
        self._length += len(text)
        end = self._length - self._before
        found = [sources.write_one(one, before=self._before, start=start, end=end) for one in self._citations]
        told = [one for one in found if one is not None]
        part = _text(text, told, self._logprobs)
        self._content.append(part)
        events: list[Body] = [
            {
                "type": "response.output_text.annotation.added",
                **place,
                "annotation_index": index,
                "annotation": annotation,
            }
            for index, annotation in enumerate(told)
        ]
        events.append({"type": "response.output_text.done", **place, "text": text, "logprobs": self._logprobs})
        events.append({"type": "response.content_part.done", **place, "part": part})
        return events

    def _close_summary(self, text: str, place: Body) -> list[Body]:
        self._item["summary"] = [_summary(text)]
        return [
            {"type": "response.reasoning_summary_text.done", **place, "text": text},
            {"type": "response.reasoning_summary_part.done", **place, "part": _summary(text)},
        ]


def _begun(part: Part) -> Body:
    """A new item, without its id. Its status stays away from reasoning, as OpenAI leaves it out there."""
    if isinstance(part, ToolCall):
        call: Body = {"call_id": part.id, "name": part.name, "arguments": ""}
        return {"type": "function_call", "status": "in_progress", **call}
    if isinstance(part, RedactedThinking):
        sealed = to_caller(part.data, part.origin, redacted=True)
        return {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    if isinstance(part, Thinking):
        return {"type": "reasoning", "summary": []}
    return {"type": "message", "status": "in_progress", "role": "assistant", "content": []}


def _text(text: str, told: list[Body], logprobs: list[EntryWire]) -> Body:
    return {"type": "output_text", "text": text, "annotations": told, "logprobs": logprobs}


def _refusal(text: str) -> Body:
    return {"type": "refusal", "refusal": text}


def _summary(text: str) -> Body:
    return {"type": "summary_text", "text": text}
