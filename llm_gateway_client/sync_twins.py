"""The methods of a client for callers that do not await: the same, on the process's one loop thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from llm_gateway_client import loop_thread
from llm_gateway_client.answers import Embeddings, LLMResponse, StreamChunk
from llm_gateway_client.batch import Progress
from llm_gateway_client.models import LLMRequest


class _Asynchronous(Protocol):
    """What the twins stand on."""

    def generate(self, request: LLMRequest) -> Coroutine[Any, Any, LLMResponse]: ...

    def generate_stream(self, request: LLMRequest) -> AsyncGenerator[StreamChunk, None]: ...

    def generate_batch(
        self, requests: Sequence[LLMRequest], *, max_concurrency: int = 8, on_progress: Progress | None = None
    ) -> Coroutine[Any, Any, list[LLMResponse]]: ...

    def chat(
        self, messages: str | list[dict[str, Any]], *, model: str, **options: Any
    ) -> Coroutine[Any, Any, LLMResponse]: ...

    @property
    def embed(self) -> Callable[..., Coroutine[Any, Any, Embeddings]]: ...

    def health_check(self) -> Coroutine[Any, Any, dict[str, Any]]: ...

    def warmup_providers(self) -> Coroutine[Any, Any, dict[str, Any]]: ...

    def close(self) -> Coroutine[Any, Any, None]: ...

    def close_sync(self) -> None: ...


class SyncTwins:
    """Work in views, Celery tasks, threads, notebooks and inside a running loop; they block the calling thread."""

    def generate_sync(self: _Asynchronous, request: LLMRequest) -> LLMResponse:
        return loop_thread.run(self.generate(request))

    def generate_stream_sync(self: _Asynchronous, request: LLMRequest) -> Iterator[StreamChunk]:
        """A plain iterator. Leaving it early ends the call."""
        return loop_thread.iterate(self.generate_stream(request))

    def generate_batch_sync(
        self: _Asynchronous,
        requests: Sequence[LLMRequest],
        *,
        max_concurrency: int = 8,
        on_progress: Progress | None = None,
    ) -> list[LLMResponse]:
        """`on_progress` is called on the loop's thread: it should be quick."""
        return loop_thread.run(self.generate_batch(requests, max_concurrency=max_concurrency, on_progress=on_progress))

    def chat_sync(
        self: _Asynchronous, messages: str | list[dict[str, Any]], *, model: str, **options: Any
    ) -> LLMResponse:
        return loop_thread.run(self.chat(messages, model=model, **options))

    def embed_sync(self: _Asynchronous, texts: str | list[str], model: str, **options: Any) -> Embeddings:
        return loop_thread.run(self.embed(texts, model, **options))

    def health_check_sync(self: _Asynchronous) -> dict[str, Any]:
        return loop_thread.run(self.health_check())

    def warmup_providers_sync(self: _Asynchronous) -> dict[str, Any]:
        return loop_thread.run(self.warmup_providers())

    def close_sync(self: _Asynchronous) -> None:
        loop_thread.run(self.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close_sync()  # type: ignore[misc]  # reason: the mixin's own class has no `close`; the client has
