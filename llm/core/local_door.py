"""The gateway in this process: the door of `llm.core.client.LLMGatewayClient`. No HTTP, and no key: a project calls."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from llm import prices, sync
from llm.bodies import openai
from llm.bodies.surfaces import PARSERS
from llm.core import failures
from llm.core.gateways import Gateways
from llm.core.local_stream import LocalStream
from llm.errors import GatewayError, InternalError, UnknownPath
from llm.service import Call, Reply
from llm.spec import Request
from llm_gateway_client import reading
from llm_gateway_client.door import Answer, Trail, Wishes
from llm_gateway_client.errors import GatewayFailure
from llm_gateway_client.sse import Events

logger = logging.getLogger(__name__)

_DONE: Final = b"[DONE]"
_LONGEST_USER: Final = 512
_PARSERS: Final[Mapping[str, Callable[[bytes, Mapping[str, str]], Request]]] = {
    "chat/completions": openai.parse,
    "embeddings": PARSERS["embeddings"],
}


class LocalDoor:
    """May be used from any loop and thread: calls run on the process's loop (see `llm.sync`), where the connections to
    the providers are. `project` must accept tasks."""

    def __init__(self, gateways: Gateways, *, project: str = "default") -> None:
        if not isinstance(project, str) or not project:
            raise ValueError("project must be a text that is not empty.")
        self._gateways = gateways
        self._project = project

    def __repr__(self) -> str:
        return f"LocalDoor(project={self._project!r})"

    async def call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Answer:
        call = self._call(endpoint, body, wishes)
        with _told(call):
            reply = await sync.across(self._complete(call))
        return Answer(_object(reply.body, call), _trail(call))

    async def stream(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncGenerator[dict[str, Any], None]:
        """The last chunk is the trail alone: what it cost is known at the end."""
        call = self._call(endpoint, body, wishes)
        with _told(call):
            stream = await sync.across(self._begin(call))
        try:
            yield {"gateway": _trail(call).to_dict()}
            events = Events()
            while (piece := await self._next(stream, call)) is not None:
                for event in events.feed(piece):
                    if event != _DONE:
                        yield _chunk(event, call)
            yield {"gateway": _trail(call).to_dict()}
        finally:
            await sync.across(stream.close())

    async def health(self) -> dict[str, Any]:
        """With the `revision` and the names of the `providers`; or `error`, where there is no configuration yet."""
        try:
            gateway = await sync.across(self._gateways.current())
            snapshot = gateway.holder.current
        except GatewayError as error:
            return {"healthy": False, "door": "local", "error": error.message}
        providers = sorted(snapshot.providers.upstreams)
        return {"healthy": True, "door": "local", "revision": snapshot.revision, "providers": providers}

    async def close(self) -> None:
        await sync.across(self._gateways.close())

    def _call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Call:
        """TypeError or ValueError for a body that is no JSON."""
        data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()

        async def read() -> Request:
            """Inside the call, so that one with a wrong body leaves a record too."""
            if endpoint not in _PARSERS:
                raise UnknownPath("There is no such endpoint.")
            request = _PARSERS[endpoint](data, {})
            call.end_user = openai.end_user(request)[:_LONGEST_USER]
            return request

        call = Call(
            endpoint=endpoint,
            request=read,
            project=self._project,
            request_id=wishes.request_id,
            tags=wishes.tags,
            end_user=wishes.end_user[:_LONGEST_USER],
            timeout=wishes.timeout_seconds,
            session=wishes.session_id,
        )
        return call

    async def _complete(self, call: Call) -> Reply:
        gateway = await self._gateways.current()
        return await gateway.complete(call)

    async def _begin(self, call: Call) -> LocalStream:
        stream = LocalStream(self._gateways, call)
        try:
            await stream.begin()
        except BaseException:
            await stream.close()
            raise
        return stream

    async def _next(self, stream: LocalStream, call: Call) -> bytes | None:
        with _told(call, begun=True):
            return await sync.across(stream.next())


@contextmanager
def _told(call: Call, *, begun: bool = False) -> Iterator[None]:
    try:
        yield
    except GatewayError as error:
        if isinstance(error, InternalError):
            _log_defect(call)
        raise failures.failure(error, call, begun=begun) from error
    except Exception as error:  # a door: what goes wrong here is a failed call to its caller, as over HTTP
        _log_defect(call)
        raise failures.failure(InternalError("The gateway failed."), call, begun=begun) from error


def _log_defect(call: Call) -> None:
    logger.exception("a call failed unexpectedly", extra={"call_id": call.call_id, "request_id": call.request_id})


def _object(data: bytes, call: Call) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise _malformed("The answer is no JSON object.", call)
    return found


def _chunk(event: bytes, call: Call) -> dict[str, Any]:
    chunk = _object(event, call)
    chunk.pop("gateway", None)  # a provider's own field must not pass for ours
    return chunk


def _malformed(message: str, call: Call) -> GatewayFailure:
    failure = reading.malformed(message)
    failure.request_id, failure.call_id = call.request_id, call.call_id
    return failure


def _trail(call: Call) -> Trail:
    info = call.info
    return Trail(
        call_id=call.call_id,
        request_id=call.request_id,
        provider=info.provider,
        model=info.model,
        attempts=info.attempts,
        cost_usd=None if info.cost_nano_usd is None else float(prices.in_usd(info.cost_nano_usd)),
        cache="bypass",
        revision=info.revision,
        latency_ms=info.latency_ms,
        overhead_ms=info.overhead_ms,
    )
