"""For each call the transport that its provider's connection names."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from llm.spec import TransportName
from llm.transport.base import Answer, Outbound, Transport
from llm.transport.lean import LeanTransport


class ChosenTransport(Transport):
    """One for a process and its loop. aiohttp is imported once a provider asks for it: most never do."""

    def __init__(self) -> None:
        self._lean = LeanTransport()
        self._others: dict[TransportName, Transport] = {}

    def send(self, outbound: Outbound) -> Coroutine[Any, Any, Answer]:
        name = outbound.connection.transport
        return (self._lean if name == "lean" else self._other(name)).send(outbound)

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
