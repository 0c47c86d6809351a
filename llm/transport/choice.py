"""For each call the transport that its provider's connection names."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from llm.spec import TransportName
from llm.transport.base import Answer, Outbound, SelfMetering, Transport, Waited
from llm.transport.lean import LeanTransport


class ChosenTransport(SelfMetering):
    """One for a process and its loop. aiohttp is imported once a provider asks for it: most never do."""

    def __init__(self) -> None:
        self._lean = LeanTransport()
        self._others: dict[TransportName, Transport] = {}

    def send(self, outbound: Outbound) -> Coroutine[Any, Any, Answer]:
        name = outbound.connection.transport
        return (self._lean if name == "lean" else self._other(name)).send(outbound)

    def metered(
        self, outbound: Outbound, waited: Waited, monotonic: Callable[[], float]
    ) -> Coroutine[Any, Any, Answer] | None:
        return self._lean.send(outbound, waited, monotonic) if outbound.connection.transport == "lean" else None

    async def aclose(self) -> None:
        await self._lean.aclose()
        for transport in self._others.values():
            await transport.aclose()

    def _other(self, name: TransportName) -> Transport:
        found = self._others.get(name)
        if found is None:
            from llm.transport.aiohttp import AiohttpTransport  # costs 20 MB

            found = self._others[name] = AiohttpTransport()
        return found
