"""The transports under test: what holds of one holds of the other."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from llm.transport.aiohttp import AiohttpTransport
from llm.transport.base import Transport
from llm.transport.lean import LeanTransport
from llm.transport.lean.dial import AddressInfo

KINDS: Final = ("aiohttp", "lean")


class Names(AbstractResolver):
    """Every name leads to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=family, proto=0, flags=0) for ip in self.addresses
        ]

    async def close(self) -> None:
        return None

    async def infos(self, host: str, port: int) -> Sequence[AddressInfo]:
        """The same, as the lean transport asks for it."""
        made: list[AddressInfo] = []
        for ip in self.addresses:
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            made.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port)))
        return made


def transport(kind: str, *addresses: str) -> Transport:
    """A new one. Where addresses are given every name leads to these."""
    if kind == "aiohttp":
        return AiohttpTransport(resolver=Names(*addresses) if addresses else None)
    return LeanTransport(resolve=Names(*addresses).infos) if addresses else LeanTransport()


class Resolving(Protocol):
    def __call__(self, *addresses: str) -> AbstractAsyncContextManager[Transport]: ...


def resolving(kind: str) -> Resolving:
    """`resolving(kind)("127.0.0.1")`: a transport for which every name leads there, closed in the end."""

    @asynccontextmanager
    async def make(*addresses: str) -> AsyncIterator[Transport]:
        made = transport(kind, *addresses)
        try:
            yield made
        finally:
            await made.aclose()

    return make
