"""A kind without a network and without a key: it answers `Echo: <the last user text>`, for first steps and tests.

It is a provider inside the process. The adapter is the OpenAI family's, whole: only what stands at the other end of
its transport is different, so an echo goes through everything that a live call goes through.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final

import msgspec

from llm.adapters import echo_embeddings, echo_orders
from llm.adapters.answer_stream import Patience
from llm.adapters.chat_completions import ChatCompletions
from llm.adapters.echo_orders import Orders
from llm.dialects import openai_chat
from llm.dialects.grammar import Outside
from llm.dialects.neutral import Answer, BlockEnd, BlockStart, Delta, Finished, Started, StreamEvent, Text, ToolCall
from llm.spec import FinishReason, Request, Target, Usage
from llm.transport.base import Outbound, Transport

_WORD: Final = re.compile(r"\s*\S+|\s+$")


class Echo(ChatCompletions):
    """Honours `max_tokens` and `stop`; a word counts as a token, so its usage is an estimate."""

    usage_is_estimated: ClassVar[bool] = True
    surfaces: ClassVar[frozenset[str]] = frozenset({"embeddings"})

    def __init__(self, transport: Transport, *, patience: Patience | None = None) -> None:
        """The transport is not used: nothing leaves the process."""
        super().__init__(_InProcess(), patience=patience)

    def body_of(self, request: Request, target: Target) -> tuple[dict[str, object], tuple[str, ...]]:
        """With the orders (see `echo_orders`) in the field `echo`, whatever dialect the caller speaks."""
        fields = dict(request.fields)
        given = None if request.dialect == "openai_completions" else fields.pop("echo", None)  # there it is a flag
        orders = echo_orders.merged(target.parameters, given)
        own = echo_orders.NAMES | {"echo"}
        rest = {name: value for name, value in target.parameters.items() if name not in own}
        body, dropped = super().body_of(
            msgspec.structs.replace(request, fields=fields), replace(target, parameters=rest)
        )
        return {**body, "echo": orders}, dropped


class _InProcess:
    """The transport to the provider below."""

    async def send(self, outbound: Outbound) -> _InProcessAnswer:
        assert isinstance(outbound.body, bytes)  # the echo takes no uploads
        body: dict[str, object] = msgspec.json.decode(outbound.body)
        if outbound.url.endswith("/embeddings"):
            status, told = echo_embeddings.answer(body)
            return _InProcessAnswer("application/json", iter([told]), status=status)
        try:
            orders = echo_orders.read(body)
        except msgspec.ValidationError as error:
            return _refused(400, f"The field `echo` is wrong: {error}")
        if orders.delay_seconds:
            timeouts = outbound.timeouts
            limit, phase = min((timeouts.first_byte, "first_byte"), (timeouts.total, "total"))
            await echo_orders.wait(orders.delay_seconds, limit=limit, phase=phase)
        if orders.error:
            return _refused(orders.error, f"Echo was told to fail with {orders.error}.")
        answer, idle = _answer(body, orders), outbound.timeouts.idle
        outside = Outside(model=answer.model)
        if body.get("stream") is True:
            return _InProcessAnswer("text/event-stream", _stream(answer, outside, orders), idle=idle)
        whole = openai_chat.GRAMMAR.write_answer(answer, outside)
        return _InProcessAnswer(
            "application/json", iter([orders.seconds(answer.usage.output_tokens), whole]), idle=idle
        )

    async def aclose(self) -> None:
        return


class _InProcessAnswer:
    """A number among the pieces is a wait, in seconds; `idle` is the longest that the call allows."""

    def __init__(
        self, content_type: str, pieces: Iterator[bytes | float], *, status: int = 200, idle: float = 0.0
    ) -> None:
        self.status = status
        self._idle = idle
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._pieces = pieces

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            elif piece:
                await echo_orders.wait(piece, limit=self._idle, phase="idle")

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        """There is nothing that could come by itself."""

    async def aclose(self) -> None:
        self._pieces = iter(())


def _refused(status: int, message: str) -> _InProcessAnswer:
    return _InProcessAnswer("application/json", iter([echo_orders.refusal(message)]), status=status)


def _answer(body: Mapping[str, object], orders: Orders) -> Answer:
    messages = _messages(body)
    heard = sum(len(_text_of(message).split()) for message in messages)
    if calls := echo_orders.wanted_calls(orders, body):
        said = sum(1 + len(call.arguments.split()) for call in calls)
        return Answer(
            id="",
            model=str(body.get("model", "")),
            parts=calls,
            finish_reason=orders.finish_reason or "tool_calls",
            usage=Usage(input_tokens=heard, output_tokens=said, estimated=True),
        )
    words = _WORD.findall(_until_stop(f"Echo: {_last_user_text(messages)}".rstrip(), _stops(body)))
    bound = _bound(body)
    finish_reason: FinishReason = "stop"
    if bound is not None and len(words) > bound:
        words, finish_reason = words[:bound], "length"
    return Answer(
        id="",
        model=str(body.get("model", "")),
        parts=(Text("".join(words)),),
        finish_reason=orders.finish_reason or finish_reason,
        usage=Usage(input_tokens=heard, output_tokens=len(words), estimated=True),
    )


def _stream(answer: Answer, outside: Outside, orders: Orders) -> Iterator[bytes | float]:
    """One event for each piece, then the finish reason, the usage and the mark of the end."""
    writer = openai_chat.GRAMMAR.writer(outside, True)
    for event in _events(answer, orders.chunks):
        if isinstance(event, Delta):
            yield orders.seconds(len(event.text.split()))
        yield writer.write(event)


def _events(answer: Answer, chunks: int | None) -> Iterator[StreamEvent]:
    yield Started(answer.id, answer.model, answer.usage)
    for index, part in enumerate(answer.parts):
        if isinstance(part, Text):
            yield BlockStart(index, Text(""))
            yield from (Delta(piece) for piece in _pieces(part.text, chunks))
            yield BlockEnd()
        elif isinstance(part, ToolCall):
            yield BlockStart(index, ToolCall(part.id, part.name, ""))
            yield Delta(part.arguments)
            yield BlockEnd()
    yield Finished(answer.finish_reason, answer.usage)


def _pieces(text: str, chunks: int | None) -> list[str]:
    """Word by word, or in so many pieces (none of them is empty)."""
    if chunks is None:
        return _WORD.findall(text)
    count = min(chunks, len(text))
    return [text[len(text) * at // count : len(text) * (at + 1) // count] for at in range(count)]


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
