"""Pieces that are given as they come: with those that are waited for they are the whole answer, in order, once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llm.errors import UpstreamTimeout, UpstreamUnreachable
from llm.spec import Timeouts
from llm.transport.base import Answer, Transport
from tests.support import upstream_behaviours as do
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.wire import MakeOutbound

WORDS = "one two three four five six"


async def begun(
    transport: Transport, outbound: MakeOutbound, **changes: object
) -> tuple[Answer, AsyncIterator[bytes], bytes]:
    """An answer, its pieces, and the first of these."""
    answer = await transport.send(outbound(stream=True, **changes))
    pieces = answer.chunks()
    return answer, pieces, await anext(pieces)


async def rest(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("at_once", [1, 2, 1000])
async def test_flowing_and_waiting_together_give_the_answer(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, at_once: int
) -> None:
    upstream.script(do.paced(WORDS, pause=1), do.paced(WORDS, pause=1))
    answer, pieces, first = await begun(transport, outbound)
    flowed: list[bytes] = []

    def take(piece: bytes) -> bool:
        flowed.append(piece)
        return len(flowed) < at_once

    await answer.flow(take)
    whole = b"".join([first, *flowed, await rest(pieces)])
    await answer.aclose()
    other = await transport.send(outbound(stream=True))
    assert [word for word in WORDS.split() if word.encode() not in whole] == []
    assert whole.endswith(b"data: [DONE]\n\n") and len(whole) == len(await other.read())
    await other.aclose()
    assert len(flowed) <= at_once


async def test_what_is_not_taken_waits(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, kind: str
) -> None:
    upstream.script(do.held_stream(WORDS, after=1))
    answer, pieces, _ = await begun(transport, outbound)
    upstream.release()
    flowed: list[bytes] = []
    await answer.flow(lambda piece: bool(flowed.append(piece)))
    assert len(flowed) == (1 if kind == "lean" else 0)
    assert b"[DONE]" in b"".join(flowed) + await rest(pieces)
    await answer.aclose()


@pytest.mark.parametrize(
    ("fault", "expected"), [(faults.stall(), UpstreamTimeout), (faults.cut(), UpstreamUnreachable)]
)
async def test_what_goes_wrong_while_flowing_is_told_to_who_reads_on(
    transport: Transport,
    upstream: FakeUpstream,
    outbound: MakeOutbound,
    fault: do.Behaviour,
    expected: type[Exception],
) -> None:
    upstream.script(fault)
    answer, pieces, _ = await begun(transport, outbound, timeouts=Timeouts(idle=0.2))
    await answer.flow(lambda piece: True)
    with pytest.raises(expected):
        await rest(pieces)
    await answer.aclose()
    await upstream.wait_until(lambda: upstream.open_connections == 0)
