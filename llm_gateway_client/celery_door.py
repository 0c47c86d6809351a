"""The gateway by Celery: the door of `LLMGatewayClient(broker_url=...)`. Celery is imported with the first call.

A task has no stream: `stream` gives the whole answer as one chunk.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from llm_gateway_client import assembly, errors, reading, refusals, told
from llm_gateway_client.celery_results import Meta, Results
from llm_gateway_client.door import Answer, Wishes
from llm_gateway_client.errors import GatewayFailure

if TYPE_CHECKING:
    from llm_gateway_client.celery_tasks import Tasks

T = TypeVar("T")
# The classes of the gateway's errors whose source is the provider.
_PROVIDERS: Final = re.compile("Upstream|NoHealthyUpstream|CredentialsExhausted")
_REDIS: Final = ("redis", "rediss", "redis+socket", "unix", "sentinel")


class CeleryDoor:
    """`broker_url` is the gateway's broker; `result_backend` its Redis, where its workers keep results: named where the
    broker is another one. `project` must accept tasks."""

    def __init__(
        self, broker_url: str, *, result_backend: str | None = None, project: str = "default", queue: str = "llm"
    ) -> None:
        for name, value in (("broker_url", broker_url), ("project", project), ("queue", queue)):
            if not isinstance(value, str) or not value:
                raise ValueError(f"{name} must be a text that is not empty.")
        self._urls = _address("broker_url", broker_url), _backend(broker_url, result_backend)
        self._project, self._queue = project, queue
        self._process: _Process | None = None

    def __repr__(self) -> str:
        return f"CeleryDoor(project={self._project!r}, queue={self._queue!r})"

    async def call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Answer:
        """Cancelled, it revokes the task: one that has not begun will not."""
        began = perf_counter()
        process, task_id = self._here(), str(uuid.uuid4())
        kwargs = {
            "body": body,
            "endpoint": endpoint,
            "project": self._project,
            "metadata": wishes.tags,
            "request_id": wishes.request_id,
            "session": wishes.session_id,
            "timeout_seconds": wishes.timeout_seconds,
        }
        # Until it is sent it cannot be revoked, so the sending is not given up half-way.
        sending = asyncio.ensure_future(
            process.send(kwargs, task_id, queue=self._queue, expires=wishes.timeout_seconds)
        )
        try:
            await asyncio.shield(sending)
            meta = await process.results().wait(task_id)
        except asyncio.CancelledError:
            process.leave(task_id, sending)
            raise
        process.forget(task_id)
        answer = _answer(meta, wishes)
        answer.trail.latency_ms = (perf_counter() - began) * 1000
        return answer

    async def stream(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncGenerator[dict[str, Any], None]:
        whole = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
        answer = await self.call(endpoint, whole, wishes)
        yield {"gateway": answer.trail.to_dict()}
        for chunk in assembly.as_chunks(answer.body):
            yield chunk

    async def health(self) -> dict[str, Any]:
        """Healthy while a worker answers."""
        try:
            healthy = await self._here().served()
        except GatewayFailure as failure:
            return {"healthy": False, "door": "celery", "error": failure.message}
        return {"healthy": healthy, "door": "celery"}

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.pid == os.getpid():
            await process.close()

    def _here(self) -> _Process:
        if self._process is None or self._process.pid != os.getpid():
            self._process = _Process(*self._urls)
        return self._process


class _Process:
    """Celery in this process: a thread that sends, one that looks up, and who waits in each loop."""

    def __init__(self, broker_url: str, result_backend: str) -> None:
        self.pid = os.getpid()
        self._urls = broker_url, result_backend
        self._tasks: Tasks | None = None
        self._sender = ThreadPoolExecutor(1, "llm-gateway-celery-send")
        self._reader = ThreadPoolExecutor(1, "llm-gateway-celery-read")
        self._results: dict[asyncio.AbstractEventLoop, Results] = {}

    async def send(self, kwargs: dict[str, Any], task_id: str, *, queue: str, expires: float | None) -> None:
        tasks = await self._made()
        await self._in(self._sender, partial(tasks.send, kwargs, task_id=task_id, queue=queue, expires=expires))

    async def served(self) -> bool:
        tasks = await self._made()
        return await self._in(self._sender, tasks.served)

    def results(self) -> Results:
        """Those that the running loop waits for."""
        loop = asyncio.get_running_loop()
        for other in [one for one in self._results if one.is_closed()]:
            self._results.pop(other, None)
        return self._results.setdefault(loop, Results(self._look_up))

    def forget(self, task_id: str) -> None:
        """Not waited for: what is not forgotten expires."""
        if self._tasks is not None:
            self._reader.submit(self._tasks.forget, task_id)

    def leave(self, task_id: str, sending: asyncio.Future[None]) -> None:
        """Revokes the task once it is sent."""

        def revoke(sent: asyncio.Future[None]) -> None:
            if not sent.cancelled() and sent.exception() is None and self._tasks is not None:
                self._sender.submit(self._tasks.revoke, task_id)

        sending.add_done_callback(revoke)

    async def close(self) -> None:
        for loop, results in self._results.items():
            if loop is asyncio.get_running_loop():
                await results.close()
        if self._tasks is not None:
            self._sender.submit(self._tasks.close)
        self._sender.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    async def _look_up(self, task_ids: Iterable[str]) -> dict[str, Meta]:
        tasks = await self._made()
        return await self._in(self._reader, partial(tasks.results, task_ids))

    async def _made(self) -> Tasks:
        """Made in a thread: importing Celery takes its time."""
        if self._tasks is None:
            self._tasks = await self._in(self._sender, self._make)
        return self._tasks

    def _make(self) -> Tasks:
        if self._tasks is None:
            try:
                from llm_gateway_client.celery_tasks import Tasks
            except ModuleNotFoundError as error:
                raise ImportError("Calls by Celery need more: pip install 'llm-gateway-client[celery]'.") from error
            self._tasks = Tasks(*self._urls)
        return self._tasks

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)


def _answer(meta: Meta, wishes: Wishes) -> Answer:
    """GatewayFailure for a task that failed."""
    result = meta.get("result")
    if meta.get("status") != "SUCCESS":
        raise _failure(meta, wishes)
    response = told.obj(result).get("response")
    if not isinstance(response, dict):
        raise reading.malformed("The task's result is no answer.")
    trail = reading.trail(told.obj(told.obj(result).get("gateway")))
    trail.request_id = trail.request_id or wishes.request_id
    return Answer(response, trail)


def _failure(meta: Meta, wishes: Wishes) -> GatewayFailure:
    """From (message, code, retryable), which the gateway's errors keep; another class's fault is the worker's own.

    Whether it may pass is read from the code, as over HTTP, where nothing else is told of it.
    """
    result = told.obj(meta.get("result"))
    given = told.array(result.get("exc_message"))
    if meta.get("status") == "REVOKED":
        given = ["The task was not begun in time.", "upstream_timeout"]
    if len(given) < 2 or not (isinstance(given[0], str) and isinstance(given[1], str)):
        given = ["The gateway's worker failed.", "internal_error"]
    message, code = given[:2]
    return GatewayFailure(
        message,
        code,
        status=refusals.status_of(code) or 400,
        retryable=errors.retryable(code),
        request_id=wishes.request_id,
        source="provider" if _PROVIDERS.match(told.text(result.get("exc_type"))) else "gateway",
    )


def _backend(broker_url: str, result_backend: str | None) -> str:
    """ValueError where it is no Redis: there the gateway's workers keep results, whatever the broker is."""
    url = broker_url if result_backend is None else result_backend
    if not isinstance(url, str) or url.partition("://")[0] not in _REDIS:
        raise ValueError("result_backend must be the gateway's Redis, as redis://host:6379/0.")
    return _address("result_backend", url)


def _address(name: str, url: str) -> str:
    """ValueError that shows nothing of it: Celery's own would show a part of a password that is not encoded."""
    try:
        for one in url.split(";"):  # several, as those of sentinels
            _ = urlsplit(one).port
    except ValueError:
        message = f"{name} is no address. In a password, characters such as / # ? @ must be percent-encoded."
        raise ValueError(message) from None
    return url
