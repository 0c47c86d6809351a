"""Both transports before servers and readers that are made up: whatever happens, both callers see the same."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import zlib
from dataclasses import dataclass, replace

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm.transport.base import Answer
from tests.support import transports
from tests.support.raw_answers import Ending, RawServer, Script
from tests.support.raw_cases import chunked, head, sized
from tests.support.transport_outcomes import Act, Outcome, observe

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
PACKED = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}
FIRST = ["HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.0 200 OK", "HTTP/1.1 400 Bad", "HTTP/1.1 503 Busy"]
LINES = ["connection: close", "connection: keep-alive", "keep-alive: timeout=9", "x-a: b", "X-A: c", "x-empty:"]


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as sent, and what the reader does: -1 reads all, else closes once so many bytes are there."""

    raw: bytes
    body: bytes
    ending: Ending
    whole: bool
    splits: tuple[int, ...]
    enough: int

    @property
    def script(self) -> Script:
        at = [0, *sorted({place % (len(self.raw) + 1) for place in self.splits}), len(self.raw)]
        pieces = tuple(self.raw[one:two] for one, two in itertools.pairwise(at) if two > one)
        return Script(pieces or (b"",), self.ending)

    @property
    def act(self) -> Act:
        async def read(answer: Answer, into: bytearray) -> None:
            if self.enough == 0:
                return
            async for piece in answer.chunks():
                into += piece
                if 0 <= self.enough <= len(into):
                    return

        return read


@st.composite
def servers(draw: st.DrawFn) -> Made:
    body = draw(st.binary(max_size=300))
    encoding = draw(st.sampled_from(sorted(PACKED)))
    sent = PACKED[encoding](body)
    lines = tuple(draw(st.lists(st.sampled_from(LINES), max_size=3, unique=True)))
    lines += (f"content-encoding: {encoding}",) if encoding else ()
    first = draw(st.sampled_from(FIRST))
    framing = draw(st.sampled_from(["length", "chunked", "end"]))
    if framing == "length":
        raw = sized(sent, *lines, first=first)
    elif framing == "end":
        raw = head(*lines, first=first) + sent
    else:
        size = draw(st.integers(1, 100))
        chunks = [sent[at : at + size] for at in range(0, len(sent), size)]
        raw = chunked(*chunks, lines=lines, first=first.replace("1.0", "1.1"))
    raw = head(first="HTTP/1.1 100 Continue") * draw(st.integers(0, 2)) + raw
    ending: Ending = draw(st.sampled_from(["keep", "close", "reset"])) if framing != "end" else "close"
    whole = framing == "end" or ending == "keep" or draw(st.booleans())
    if not whole:
        raw = raw[: draw(st.integers(0, len(raw) - 1))]
    splits = tuple(draw(st.lists(st.integers(0, 2000), max_size=6)))
    return Made(raw, body, ending, whole, splits, draw(st.sampled_from([-1, -1, -1, 0, 1, 50])))


async def seen(kind: str, made: Made) -> Outcome:
    transport = transports.transport(kind)
    async with RawServer() as server:
        outcome = await observe(transport, server, made.script, act=made.act)
        await transport.aclose()
        for connection in list(server.open):
            await server.gone(connection)
    return outcome


async def compared(made: Made) -> None:
    lean, aiohttp = await seen("lean", made), await seen("aiohttp", made)
    for one in (lean, aiohttp):
        assert made.body.startswith(one.body)
    if made.enough < 0:
        assert (lean.error, lean.kept) == (aiohttp.error, aiohttp.kept)
        assert lean.body.startswith(aiohttp.body)  # before an error aiohttp keeps back what came with it
        assert made.whole == (lean.error == "")
    if lean.error == aiohttp.error == "":
        assert (lean.status, lean.headers) == (aiohttp.status, aiohttp.headers)
        assert made.enough >= 0 or lean.body == aiohttp.body == made.body


@pytest.mark.parametrize(("loop", "examples"), [("asyncio", 250), ("uvloop", 80)])
def test_made_up_servers_and_readers(loop: str, examples: int) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:

        @settings(max_examples=examples, deadline=None, database=None)
        @given(servers())
        @example(Made(sized(b"hi")[:-1], b"hi", "close", False, (), -1))
        def same(made: Made) -> None:
            runner.run(compared(made))

        same()


async def settled(raw: bytes, splits: tuple[int, ...], enough: int) -> None:
    """An error of ours or an answer, the same however it is cut; where aiohttp gives an answer too it is the same."""
    garbled = Made(raw, b"", "close", False, splits, enough)
    lean = await seen("lean", garbled)
    assert lean.error in ("", "UpstreamMalformed", "UpstreamUnreachable")
    assert not lean.kept
    if enough >= 0:
        return
    bytewise = await seen("lean", replace(garbled, splits=tuple(range(len(raw)))))
    assert (bytewise.error, bytewise.status, bytewise.headers) == (lean.error, lean.status, lean.headers)
    if not lean.error:
        assert bytewise.body == lean.body
        aiohttp = await seen("aiohttp", garbled)
        assert aiohttp.error or (aiohttp.status, aiohttp.body) == (lean.status, lean.body)


@pytest.mark.parametrize(("loop", "examples"), [("asyncio", 200), ("uvloop", 50)])
def test_made_up_garbage(loop: str, examples: int) -> None:
    """Bytes of an answer, changed at some places: nothing is left behind, and the next caller gets its own answer."""
    change = st.tuples(st.integers(0, 500), st.sampled_from([b"", b"\r\n", b"\0", b":", b" ", b"0", b"HTTP/1.1 "]))

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:

        @settings(max_examples=examples, deadline=None, database=None)
        @given(servers(), st.lists(change, min_size=1, max_size=4))
        def settles(made: Made, changes: list[tuple[int, bytes]]) -> None:
            raw = made.raw
            for place, other in changes:
                at = place % (len(raw) + 1)
                raw = raw[:at] + other + raw[at + 1 :]
            runner.run(settled(raw, made.splits, made.enough))

        settles()
