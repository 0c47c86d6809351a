"""How long a call has waited for others, so that the gateway's own time is what is left.

The transport is wrapped once; the meter of the call under way is found through a context variable, and stays with the
answer, whichever task reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any

from llm.transport.base import Answer, Outbound, Transport

Monotonic = Callable[[], float]
Metered = Callable[[Outbound, "Meter", Monotonic], Coroutine[Any, Any, Answer] | None]


class Meter:
    """Seconds that one call has waited: for the provider, for the caller's body, between attempts."""

    __slots__ = ("waited",)

    def __init__(self) -> None:
        self.waited = 0.0


_meter: ContextVar[Meter | None] = ContextVar("llm_meter", default=None)
use = _meter.set


def add(seconds: float) -> None:
    """The call under way has waited for its caller."""
    meter = _meter.get()
    if meter is not None:
        meter.waited += seconds


class MeteredTransport:
    """A Transport that adds the waits for the provider to the meter in use."""

    def __init__(self, transport: Transport, monotonic: Monotonic) -> None:
        self._transport = transport
        self._metered: Metered | None = getattr(transport, "metered", None)  # see `SelfMetering`
        self._monotonic = monotonic

    def send(self, outbound: Outbound) -> Coroutine[Any, Any, Answer]:
        meter = _meter.get() or Meter()
        metered = self._metered
        own = metered(outbound, meter, self._monotonic) if metered is not None else None
        return own if own is not None else self._watched(outbound, meter)

    async def _watched(self, outbound: Outbound, meter: Meter) -> Answer:
        began = self._monotonic()
        try:
            answer = await self._transport.send(outbound)
        finally:
            meter.waited += self._monotonic() - began
        return _MeteredAnswer(answer, meter, self._monotonic)

    async def aclose(self) -> None:
        await self._transport.aclose()


class _MeteredAnswer:
    __slots__ = ("_answer", "_meter", "_monotonic", "status")

    def __init__(self, answer: Answer, meter: Meter, monotonic: Monotonic) -> None:
        self._answer = answer
        self._meter = meter
        self._monotonic = monotonic
        self.status: int = answer.status

    @property
    def headers(self) -> Mapping[str, str]:  # made on demand: few answers need them
        return self._answer.headers

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        began = self._monotonic()
        try:
            return await self._answer.read(limit)
        finally:
            self._meter.waited += self._monotonic() - began

    def chunks(self) -> AsyncIterator[bytes]:
        return _MeteredPieces(self._answer.chunks(), self._meter, self._monotonic)

    async def flow(self, take: Callable[[bytes], bool]) -> None:
        busy = 0.0
        monotonic = self._monotonic

        def timed(piece: bytes) -> bool:
            nonlocal busy
            at = monotonic()
            more = take(piece)
            busy += monotonic() - at
            return more

        began = self._monotonic()
        try:
            await self._answer.flow(timed)
        finally:
            self._meter.waited += self._monotonic() - began - busy

    def aclose(self) -> Coroutine[Any, Any, None]:
        return self._answer.aclose()


class _MeteredPieces:
    """No generator: one that is left in the middle would have to be cleaned up by the loop."""

    __slots__ = ("_meter", "_monotonic", "_pieces")

    def __init__(self, pieces: AsyncIterator[bytes], meter: Meter, monotonic: Monotonic) -> None:
        self._pieces = pieces
        self._meter = meter
        self._monotonic = monotonic

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        began = self._monotonic()
        try:
            return await anext(self._pieces)
        finally:
            self._meter.waited += self._monotonic() - began
