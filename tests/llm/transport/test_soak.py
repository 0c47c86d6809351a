"""Many calls to a provider that does wrong, by callers that cancel, dawdle and leave: nothing is left behind.

`--slow` makes 200,000 calls of them.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, aclosing

import pytest

from llm.errors import UpstreamError, UpstreamTimeout
from llm.spec import Connection, Timeouts
from llm.transport.base import Answer, Outbound
from llm.transport.lean import LeanTransport
from llm.transport.lean.exchange import Exchange
from llm.transport.lean.wire import Wire
from tests.support.hostile import BAD, GOOD, Hostile, body_of
from tests.support.raw_peer import Peer, ask, at_rest, listening, open_files, until
from tests.support.upstream_tls import authority

SEED = 20_260_101
CALLERS = 64
PATIENT = Timeouts(connect=60, first_byte=60, idle=60, total=120)
HASTY = Timeouts(connect=60, first_byte=0.1, idle=0.1, total=120)
HABITS = ("reads", "streams", "dawdles", "leaves", "cancels")
SMALL, MIDDLE, LARGE = (0, 900), (900, 70_000), (300_000, 1_500_000)


class Soak:
    """`outcomes` counts how calls ended."""

    def __init__(self, transport: LeanTransport, plain: int, tls: int, calls: int, seed: int) -> None:
        self.transport = transport
        self.ports = (plain, plain, plain, tls)
        self.numbers = iter(range(seed, seed + calls))
        self.random = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.connections = [
            Connection(allow_private=True, verify=authority().ca_path, max_connections=most) for most in (2, 5, 200)
        ]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(self._caller())

    async def _caller(self) -> None:
        for number in self.numbers:
            habit = self.random.choices(HABITS, (50, 25, 3, 7, 15))[0]
            deed = self.random.choice(GOOD) if self.random.random() < 0.85 else self.random.choice(BAD)
            size = self.random.randint(*self.random.choices((SMALL, MIDDLE, LARGE), (80, 19, 1))[0])
            call = asyncio.create_task(self._call(number, habit, deed, size))
            if habit == "cancels":
                await self._cancel(call)
            try:
                self.outcomes[await call] += 1
            except asyncio.CancelledError:
                self.outcomes["cancelled"] += 1

    async def _cancel(self, call: asyncio.Task[str]) -> None:
        for _ in range(self.random.randint(0, 30)):
            await asyncio.sleep(0)
        call.cancel()

    async def _call(self, number: int, habit: str, deed: str, size: int) -> str:
        answer = None
        try:
            answer = await self.transport.send(self._request(number, deed, size))
            whole = await self._read(answer, habit)
        except UpstreamTimeout:
            assert deed.startswith("stall"), (number, deed)
            return "late"
        except UpstreamError:
            return "failed" if deed in BAD else "failed though good"
        finally:
            if answer is not None:
                await answer.aclose()
        if whole is None:
            return "left"
        if answer.status == 413:
            assert (deed, whole) == ("refused early", b"no")
            return "refused"
        assert deed in GOOD and whole == body_of(number, size), (number, deed, habit, len(whole))
        return "whole"

    def _request(self, number: int, deed: str, size: int) -> Outbound:
        port = self.random.choice(self.ports)
        body = bytes(self.random.randint(*(LARGE if self.random.random() < 0.01 else SMALL)) + 1)
        return ask(
            port,
            f"/{deed.replace(' ', '%20')}/{number}/{size}",
            body=body,
            scheme="https" if port == self.ports[-1] else "http",
            connection=self.random.choice(self.connections),
            timeouts=HASTY if deed.startswith("stall") else PATIENT,
        )

    async def _read(self, answer: Answer, habit: str) -> bytes | None:
        """None where the reader left before the end."""
        if habit == "reads":
            return await answer.read()
        pieces = []
        async for piece in answer.chunks():
            pieces.append(piece)
            if habit == "leaves":
                return None
            if habit == "dawdles":
                await asyncio.sleep(self.random.random() * 0.02)
        return b"".join(pieces)


def kept_alive() -> list[object]:
    """Exchanges, and connections that are one. (uvloop keeps the empty shell of one whose handshake was cancelled as it
    began until the handshake's own timer, 60 s.)"""
    gc.collect()
    everything = gc.get_objects()
    left: list[object] = [one for one in everything if type(one) is Exchange]  # a proxy of others has none
    return left + [one for one in everything if type(one) is Wire and (one._transport or one._exchange)]


async def test_nothing_is_left_of_many_calls_of_all_kinds(request: pytest.FixtureRequest) -> None:
    calls = 2_000
    if request.config.getoption("--slow"):
        calls = 200_000
        faulthandler.cancel_dump_traceback_later()  # it takes longer than a test may
    tasks, begun = len(asyncio.all_tasks()), time.monotonic()
    outcomes: Counter[str] = Counter()
    blocks = []
    async with AsyncExitStack() as stack:
        hostile = Hostile(SEED)
        plain, plain_peers = await stack.enter_async_context(listening(hostile))
        tls, tls_peers = await stack.enter_async_context(listening(hostile, tls=authority().server_context()))
        transport = await stack.enter_async_context(aclosing(LeanTransport()))
        files = open_files()
        for quarter in range(4):
            soak = Soak(transport, plain, tls, calls // 4, SEED + quarter * calls)
            await soak.run()
            await at_rest(transport)  # no call in use of a connection, none queued, no place taken, nothing timed
            outcomes += soak.outcomes
            blocks.append(await quiet(transport, plain_peers, tls_peers, tasks, files))
    seconds = time.monotonic() - begun
    print(f"\n{calls} calls, {seconds:.1f} s, {calls / seconds:.0f}/s, {dict(outcomes)}, allocated blocks {blocks}")
    assert sum(outcomes.values()) == calls
    assert outcomes["whole"] > calls * 0.5
    assert outcomes["failed though good"] < calls * 0.05  # a kept connection died under a request that may have begun
    assert min(outcomes[kind] for kind in ("cancelled", "late", "failed", "left", "refused")) > 0
    assert blocks[3] - blocks[1] < 3_000  # caches are full by then: what grows on is a leak


async def quiet(transport: LeanTransport, plain: list[Peer], tls: list[Peer], tasks: int, files: int) -> int:
    """Closes what is idle, looks whether nothing is left, and returns how much memory is allocated, in blocks."""
    for host in transport._hosts.values():
        host.expire(float("inf"))
    await until(lambda: all(host.open == 0 for host in transport._hosts.values()))
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    await until(lambda: open_files() <= files)
    plain.clear()
    tls.clear()
    assert kept_alive() == []
    return sys.getallocatedblocks()
