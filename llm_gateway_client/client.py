"""The one client, over whatever door: what goes in and comes out is the same over HTTP, Celery and in process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from llm_gateway_client import asking, batch, reading
from llm_gateway_client.answers import Embeddings, LLMResponse, StreamChunk
from llm_gateway_client.assembly import Assembly
from llm_gateway_client.batch import Progress
from llm_gateway_client.calling import Caller
from llm_gateway_client.door import Door, Wishes
from llm_gateway_client.errors import GatewayFailure
from llm_gateway_client.models import InterventionContext, LLMConfig, LLMRequest
from llm_gateway_client.sync_twins import SyncTwins


class Client(SyncTwins):
    """Calls models through `door`.

    A call that fails is a response with `finish_reason` error and `error_details`; wrong arguments raise TypeError or
    ValueError at once. Cancelling the task that awaits a call ends the call. May be used from several loops and threads
    at a time. Every method has a twin that ends in `_sync`.

    `max_retries`: how often a call is repeated where the gateway asks for it. `timeout_seconds` bounds the calls whose
    config has no limit of its own.
    """

    def __init__(self, door: Door, *, max_retries: int = 2, timeout_seconds: float = 600.0) -> None:
        if max_retries < 0 or timeout_seconds <= 0:
            raise ValueError("max_retries must be 0 or more, and timeout_seconds more than 0.")
        self.door = door
        self._caller = Caller(door, max_retries, timeout_seconds)

    async def generate(self, request: LLMRequest) -> LLMResponse:
        """One answer, or why there is none."""
        body, wishes = _prepared(request)
        return await self._answer(body, wishes)

    def generate_stream(self, request: LLMRequest) -> AsyncGenerator[StreamChunk, None]:
        """The answer in pieces. The last one has `is_final`, and tells how it ended, well or badly; `response` is there
        the whole answer. Leaving the iteration early (close the generator) ends the call."""
        return self._pieces(*_prepared(request))

    async def generate_batch(
        self, requests: Sequence[LLMRequest], *, max_concurrency: int = 8, on_progress: Progress | None = None
    ) -> list[LLMResponse]:
        """The answers in order, `max_concurrency` calls at a time; those that fail are responses too.

        `on_progress(done, total, response)` is called as each call ends; what it raises ends the batch.
        """
        requests = list(requests)
        if max_concurrency < 1:
            raise ValueError("max_concurrency must be 1 or more.")
        for request in requests:
            _prepared(request)  # wrong arguments raise before anything is sent
        return await batch.run(self.generate, requests, max_concurrency=max_concurrency, on_progress=on_progress)

    async def chat(
        self,
        messages: str | list[dict[str, Any]],
        *,
        model: str,
        context: InterventionContext | None = None,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | dict[str, Any] | None = None,
        response_format: dict[str, Any] | None = None,
        **config: Any,
    ) -> LLMResponse:
        """`generate` for those who have messages at hand; `config` are fields of LLMConfig."""
        return await self.generate(
            LLMRequest(
                prompt_content=messages,
                config=LLMConfig(model_identifier=model, **config),
                initial_context=context,
                tools=tools,
                tool_choice=tool_choice,
                response_format=response_format,
            )
        )

    async def embed(
        self,
        texts: str | list[str],
        model: str,
        *,
        dimensions: int | None = None,
        context: InterventionContext | None = None,
        timeout_seconds: float | None = None,
    ) -> Embeddings:
        """A vector for each text, in order. LLMGatewayError where the call fails."""
        body = asking.embeddings_body(texts, model, dimensions=dimensions, context=context)
        wishes = asking.wishes_of(context, timeout=timeout_seconds)
        answer = await self._caller.call(asking.EMBEDDINGS, body, wishes)
        count = 1 if isinstance(texts, str) else len(texts)
        return reading.embeddings(answer, count=count, request_id=wishes.request_id)

    async def health_check(self) -> dict[str, Any]:
        """`{"healthy": bool, "door": ..., ...}`; raises nothing where the gateway is away."""
        return await self.door.health()

    async def warmup_providers(self) -> dict[str, Any]:
        """Does what the first call would else wait for: imports, and a connection to the gateway. Answers as
        `health_check`."""
        return await self.door.health()

    async def close(self) -> None:
        """Gives back connections. The client can be used again: it makes new ones then."""
        await self.door.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _pieces(self, body: dict[str, Any], wishes: Wishes) -> AsyncGenerator[StreamChunk, None]:
        assembly = Assembly(wishes.request_id)
        began, first = perf_counter(), None
        try:
            async with aclosing(self._caller.stream(asking.CHAT, asking.streamed(body), wishes)) as chunks:
                async for chunk in chunks:
                    piece = assembly.feed(chunk)
                    if piece is not None:
                        first = first or _since(began)
                        yield piece
            last = assembly.end()
        except GatewayFailure as failure:
            last = assembly.fail(failure)
        if last.response is not None:
            last.response.performance_metrics = replace(
                last.response.performance_metrics, latency_ms=_since(began), time_to_first_token_ms=first
            )
        yield last

    async def _answer(self, body: dict[str, Any], wishes: Wishes) -> LLMResponse:
        began = perf_counter()
        try:
            answer = await self._caller.call(asking.CHAT, body, wishes)
        except GatewayFailure as failure:
            response = reading.failed(failure, request_id=wishes.request_id)
        else:
            response = reading.response(answer, request_id=wishes.request_id)
        response.performance_metrics.latency_ms = _since(began)
        return response


def _prepared(request: LLMRequest) -> tuple[dict[str, Any], Wishes]:
    if not isinstance(request, LLMRequest):
        raise TypeError(f"A request must be an LLMRequest, not {type(request).__name__}.")
    return asking.chat_body(request), asking.wishes(request)


def _since(began: float) -> float:
    """In milliseconds."""
    return (perf_counter() - began) * 1000
