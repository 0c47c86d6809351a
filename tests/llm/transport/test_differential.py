"""Both transports before the same server: answers right and wrong, cut into pieces at every place, seen alike.

The tables are in `tests/support/raw_cases.py`, the differences that are meant in `tests/support/raw_differences.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from llm.spec import Timeouts
from tests.support import transports
from tests.support.raw_answers import RawServer, Script, cuts
from tests.support.raw_cases import FRAMINGS, HOSTILE, Case
from tests.support.raw_differences import DIFFERENCES, HEADERS_DIFFER
from tests.support.transport_outcomes import PATIENT, Outcome, observe

Loop = Callable[[], asyncio.AbstractEventLoop]
SHORT = Timeouts(connect=5, first_byte=0.15, idle=0.15, total=20)


async def seen(kind: str, case: Case, *, most: int, timeouts: Timeouts = PATIENT) -> set[Outcome]:
    """All that is seen of the answer, however it is cut. One transport for all: nothing may be left in it."""
    transport = transports.transport(kind)
    async with RawServer() as server:
        found = set()
        for pieces in cuts(case.raw, most=most):
            found.add(await observe(transport, server, Script(pieces, case.ending), timeouts=timeouts))
        await transport.aclose()
        for connection in list(server.open):
            await server.gone(connection)
    return found


async def compared(case: Case, most: int) -> None:
    lean = await seen("lean", case, most=most)
    if case.expect.endswith("*"):
        assert texts(lean) <= {case.expect[:-1] + state for state in ("kept", "closed")}
    else:
        assert texts(lean) == {case.expect}
    if (difference := DIFFERENCES.get(case.name)) is None:
        aiohttp = await seen("aiohttp", case, most=most)
        assert {one.error or (one.status, one.body) for one in aiohttp} == {
            one.error or (one.status, one.body) for one in lean
        }
        assert case.expect.endswith("*") or texts(aiohttp) == texts(lean)
        assert case.name in HEADERS_DIFFER or heads(aiohttp) == heads(lean)
        return
    timeouts = SHORT if difference.waits else PATIENT
    found = texts(await seen("aiohttp", case, most=2 if difference.waits else most, timeouts=timeouts))
    assert all(one.startswith(difference.seen) for one in found)
    assert found != texts(lean) or len(difference.seen) > 1  # a row that is no difference any more goes


def texts(outcomes: set[Outcome]) -> set[str]:
    return {str(one) for one in outcomes}


def heads(outcomes: set[Outcome]) -> set[tuple[tuple[str, str], ...]]:
    return {one.headers for one in outcomes if not one.error}


def run(loop: Loop, case: Case, most: int) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(compared(case, most))


@pytest.mark.parametrize("case", FRAMINGS, ids=lambda case: case.name)
def test_each_framing_cut_at_every_place(case: Case) -> None:
    run(asyncio.new_event_loop, case, 200)


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_each_wrong_answer(case: Case) -> None:
    run(asyncio.new_event_loop, case, 16)


@pytest.mark.parametrize("case", FRAMINGS + HOSTILE, ids=lambda case: case.name)
def test_the_same_on_uvloop(case: Case) -> None:
    run(uvloop.new_event_loop, case, 2)


def test_each_difference_is_of_a_case() -> None:
    names = [case.name for case in FRAMINGS + HOSTILE]
    assert len(set(names)) == len(names)
    assert {*DIFFERENCES, *HEADERS_DIFFER} <= set(names)
