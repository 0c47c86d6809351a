"""What a caller sees of one answer, over either transport, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from llm.errors import UpstreamError, UpstreamTimeout
from llm.spec import Timeouts
from llm.transport.base import Answer, Outbound, Transport
from llm.transport.lean import LeanTransport
from tests.support.raw_answers import RawServer, Script, taken
from tests.support.wire import PRIVATE, read

Act = Callable[[Answer, bytearray], Awaitable[None]]
"""Reads (a part of) an answer into the array."""

PATIENT: Final = Timeouts(connect=5, first_byte=5, idle=5, total=20)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` names the class, and the phase of a timeout; "" where there is none. `kept`: the next request went over
    the same connection."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error: str
    kept: bool

    def __str__(self) -> str:
        said = self.error or f"{self.status} {self.body.decode('latin-1')}".strip()
        return f"{said}, {'kept' if self.kept else 'closed'}"


async def whole(answer: Answer, into: bytearray) -> None:
    async for piece in answer.chunks():
        into += piece


def request_to(server: RawServer, *, timeouts: Timeouts = PATIENT, body: bytes = b"{}") -> Outbound:
    return Outbound(
        method="POST", url=f"{server.url}/v1/x", headers={}, body=body, timeouts=timeouts, connection=PRIVATE
    )


async def observe(
    transport: Transport,
    server: RawServer,
    script: Script,
    *,
    act: Act = whole,
    timeouts: Timeouts = PATIENT,
    body: bytes = b"{}",
) -> Outcome:
    """One request answered by `script`, then a second one: no byte of the first answer may reach it, and a connection
    that does not serve it must be gone."""
    server.script(script)
    tasks = asyncio.all_tasks() - server.tasks
    status, headers, got, error = 0, (), bytearray(), ""
    try:
        answer = await transport.send(request_to(server, timeouts=timeouts, body=body))
        try:
            await act(answer, got)
            status, headers = answer.status, tuple(sorted(answer.headers.items()))
        finally:
            await answer.aclose()
    except UpstreamError as raised:
        error = type(raised).__name__
        if isinstance(raised, UpstreamTimeout):
            error += f" {raised.phase}"
    await server.played()
    used = server.served[-1]
    assert await read(transport, request_to(server)) == b"probe"
    kept = server.served[-1] == used
    if not kept:
        await server.gone(used)
    await assert_settled(transport)
    assert asyncio.all_tasks() - server.tasks <= tasks
    return Outcome(status, headers, bytes(got), error, kept)


async def assert_settled(transport: Transport) -> None:
    """Nothing is under way: each connection is idle, and nothing waits."""
    if not isinstance(transport, LeanTransport):
        return
    await taken()  # an aborted connection ends in the loop's next turn
    for host in transport._hosts.values():
        assert not host.busy
        assert host.open == len(host.idle) == len(host._wires)
        assert all(wire._exchange is None and not wire.paused for wire in host.idle)
    assert transport._sweeper is None or not transport._sweeper._waiting
