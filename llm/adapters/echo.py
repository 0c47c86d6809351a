"""A kind without a network and without a key: it answers `Echo: <the last user text>`, for first steps and tests.

It is a provider inside the process. The adapter is the OpenAI family's, whole: only what stands at the other end of
its transport is different, so an echo goes through everything that a live call goes through.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import ClassVar, Final

import msgspec

from llm.adapters.answer_stream import Patience
from llm.adapters.chat_completions import ChatCompletions
from llm.dialects import openai_chat
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Answer, BlockEnd, BlockStart, Delta, Finished, Started, StreamEvent, Text
from llm.spec import FinishReason, Usage
from llm.transport.base import Outbound, Transport

_WORD: Final = re.compile(r"\s*\S+|\s+$")


class Echo(ChatCompletions):
    """Honours `max_tokens` and `stop`; a word counts as a token, so its usage is an estimate."""

    usage_is_estimated: ClassVar[bool] = True

    def __init__(self, transport: Transport, *, patience: Patience | None = None) -> None:
        """The transport is not used: nothing leaves the process."""
        super().__init__(_InProcess(), patience=patience)


class _InProcess:
    """The transport to the provider below."""

    async def send(self, outbound: Outbound) -> _InProcessAnswer:
        body: dict[str, object] = msgspec.json.decode(outbound.body)
        answer = _answer(body)
        outside = Outside(model=answer.model)
        if body.get("stream") is True:
            return _InProcessAnswer("text/event-stream", _stream(answer, outside))
        return _InProcessAnswer("application/json", iter([openai_chat.GRAMMAR.write_answer(answer, outside)]))

    async def aclose(self) -> None:
        return


class _InProcessAnswer:
    def __init__(self, content_type: str, pieces: Iterator[bytes]) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._pieces = pieces

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        return b"".join(self._pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        self._pieces = iter(())


def _answer(body: Mapping[str, object]) -> Answer:
    messages = _messages(body)
    words = _WORD.findall(_until_stop(f"Echo: {_last_user_text(messages)}".rstrip(), _stops(body)))
    bound = _bound(body)
    finish_reason: FinishReason = "stop"
    if bound is not None and len(words) > bound:
        words, finish_reason = words[:bound], "length"
    heard = sum(len(_text_of(message).split()) for message in messages)
    return Answer(
        id="",
        model=str(body.get("model", "")),
        parts=(Text("".join(words)),),
        finish_reason=finish_reason,
        usage=Usage(input_tokens=heard, output_tokens=len(words), estimated=True),
    )


def _stream(answer: Answer, outside: Outside) -> Iterator[bytes]:
    """One event for each word, then the finish reason, the usage and the mark of the end."""
    writer = openai_chat.GRAMMAR.writer(outside, True)
    return (writer.write(event) for event in _events(answer))


def _events(answer: Answer) -> Iterator[StreamEvent]:
    yield Started(answer.id, answer.model, answer.usage)
    yield BlockStart(0, Text(""))
    for part in answer.parts:
        if isinstance(part, Text):
            yield from (Delta(word) for word in _WORD.findall(part.text))
    yield BlockEnd()
    yield Finished(answer.finish_reason, answer.usage)


def _messages(body: Mapping[str, object]) -> list[dict[str, object]]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _last_user_text(messages: list[dict[str, object]]) -> str:
    texts = (_text_of(message) for message in reversed(messages) if message.get("role") == "user")
    return next((text for text in texts if text), "")


def _text_of(message: Mapping[str, object]) -> str:
    content = message.get("content")
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    texts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text")
    return " ".join(text for text in texts if isinstance(text, str))


def _stops(body: Mapping[str, object]) -> list[str]:
    stop = body.get("stop")
    stops = stop if isinstance(stop, list) else [stop]
    return [one for one in stops if isinstance(one, str) and one]


def _until_stop(text: str, stops: list[str]) -> str:
    """The text before the first stop sequence in it."""
    return text[: min((text.index(stop) for stop in stops if stop in text), default=len(text))]


def _bound(body: Mapping[str, object]) -> int | None:
    bounds = (body.get("max_completion_tokens"), body.get("max_tokens"))
    return next((bound for bound in bounds if isinstance(bound, int) and not isinstance(bound, bool)), None)
