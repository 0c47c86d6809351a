"""What a caller has of one call, whichever dialect and client it used."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.llm.failover.answer import ANSWER


@dataclass
class Heard:
    """`finish`: the reason that the answer gives for its end; `ended`: the dialect's mark of a whole answer was there.
    `error` and `message` of what was told instead, before the answer or within it. `strange`: what no caller should
    ever get (bytes that are no event, an exception that is none of the client's own). `seconds` of the list."""

    status: int = 0
    text: str = ""
    finish: str = ""
    ended: bool = False
    error: str = ""
    message: str = ""
    model: str = ""
    output_tokens: int | None = None
    strange: list[str] = field(default_factory=list)
    hung: bool = False
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        return self.ended and bool(self.finish) and not self.error and self.text == ANSWER

    @property
    def told(self) -> bool:
        """A clear error and no word of an end."""
        return bool(self.error and self.message) and not self.ended and not self.finish

    @property
    def false(self) -> bool:
        """Something else than the answer, as if it were one."""
        return bool(self.ended or self.finish) and not self.whole


def note(heard: Heard, event: dict[str, Any]) -> None:
    """One event or whole answer, of either dialect."""
    if isinstance(error := event.get("error"), dict):
        heard.error = str(error.get("code") or error.get("type") or "")
        heard.message = str(error.get("message") or "")
    elif "choices" in event:
        _note_chat(heard, event)
    else:
        _note_messages(heard, event)


def _note_chat(heard: Heard, event: dict[str, Any]) -> None:
    heard.model = event.get("model") or heard.model
    for choice in event["choices"]:
        said = choice.get("delta") or choice.get("message") or {}
        heard.text += said.get("content") or ""
        heard.finish = choice.get("finish_reason") or heard.finish
    if usage := event.get("usage"):
        heard.output_tokens = usage["completion_tokens"]


def _note_messages(heard: Heard, event: dict[str, Any]) -> None:
    """A whole message looks like the one of `message_start`, but for its content."""
    message = event.get("message") or event
    heard.model = message.get("model") or heard.model
    heard.text += "".join(block.get("text", "") for block in message.get("content") or ())
    delta = event.get("delta") or message
    heard.text += delta.get("text") or ""
    heard.finish = delta.get("stop_reason") or heard.finish
    heard.ended |= event.get("type") == "message_stop"
    if usage := event.get("usage"):
        heard.output_tokens = usage["output_tokens"]


def note_stream(heard: Heard, lines: Iterable[bytes]) -> None:
    for line in lines:
        if line.startswith(b"data:"):
            data = line[5:].strip()
            if data == b"[DONE]":
                heard.ended = True
                continue
            try:
                note(heard, json.loads(data))
            except ValueError:
                heard.strange.append(repr(data))
        elif line and not line.startswith((b":", b"event:")):
            heard.strange.append(repr(line))
