"""The pool of the lean transport: who gets which connection, in which order, and when a request is sent once more."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from llm.errors import UpstreamUnreachable
from llm.spec import Connection
from llm.transport.lean import LeanTransport
from tests.support.raw_peer import OK, Peer, ask, at_rest, listening, until
from tests.support.wire import read

ONE = Connection(allow_private=True, max_connections=1)
LARGE = bytes(24 * 1024 * 1024)


class Log:
    """Answers each request once `go` is set, and notes the paths in order."""

    def __init__(self, *, closes: bool = False) -> None:
        self.paths: list[str] = []
        self.go = asyncio.Event()
        self.closes = closes

    async def __call__(self, peer: Peer) -> None:
        while True:
            path, _ = await peer.request()
            self.paths.append(path)
            await self.go.wait()
            await peer.send(OK)
            if self.closes:
                return


async def queued(transport: LeanTransport, port: int, *names: str) -> list[asyncio.Task[bytes]]:
    """Calls that wait, in this order, behind the first of them."""
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(read(transport, ask(port, f"/{name}", connection=ONE))))
        await asyncio.sleep(0)  # its turn in the queue is taken
    return tasks


@pytest.mark.parametrize("closes", [False, True], ids=["kept", "closed behind each answer"])
async def test_the_queue_is_served_in_order(closes: bool) -> None:
    log = Log(closes=closes)
    async with listening(log) as (port, peers), aclosing(LeanTransport()) as transport:
        tasks = await queued(transport, port, "first", "a", "b", "c", "d")
        await until(lambda: log.paths)
        log.go.set()
        await asyncio.gather(*tasks)
        assert log.paths == ["/first", "/a", "/b", "/c", "/d"]
        assert len(peers) == (5 if closes else 1)
        await at_rest(transport)


async def test_a_newcomer_does_not_overtake_the_queue() -> None:
    log = Log()

    async with listening(log) as (port, _), aclosing(LeanTransport()) as transport:

        async def twice() -> None:
            await read(transport, ask(port, "/first", connection=ONE))
            await read(transport, ask(port, "/again", connection=ONE))  # at once, as its connection is handed on

        first = asyncio.create_task(twice())
        await until(lambda: log.paths)
        tasks = await queued(transport, port, "a", "b")
        log.go.set()
        await asyncio.gather(first, *tasks)
        assert log.paths == ["/first", "/a", "/b", "/again"]


async def test_a_cancelled_turn_goes_to_the_next() -> None:
    log = Log()

    async with listening(log) as (port, peers), aclosing(LeanTransport()) as transport:
        rest: list[asyncio.Task[bytes]] = []

        async def first_then_cancel() -> None:
            await read(transport, ask(port, "/first", connection=ONE))
            rest[0].cancel()  # its connection is handed over, and it has not run since

        first = asyncio.create_task(first_then_cancel())
        await until(lambda: log.paths)
        rest.extend(await queued(transport, port, "a", "b"))
        log.go.set()
        await first
        assert await rest[1] == b"ok"
        assert rest[0].cancelled()
        assert (log.paths, len(peers)) == (["/first", "/b"], 1)
        await at_rest(transport)


async def test_a_turn_cancelled_as_its_place_comes_free_is_a_cancelled_call() -> None:
    log = Log()
    async with listening(log) as (port, _), aclosing(LeanTransport()) as transport:
        first, a, b = await queued(transport, port, "first", "a", "b")
        await until(lambda: log.paths)
        first.cancel()
        await asyncio.sleep(0)  # its connection is aborted: the loss is told in the next turn of the loop
        a.cancel()
        log.go.set()
        results = await asyncio.gather(first, a, b, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError, bytes]
        await at_rest(transport)


async def test_a_dial_that_fails_passes_its_place_on() -> None:
    async with listening(Log()) as (port, _):
        pass
    async with aclosing(LeanTransport()) as transport:
        tasks = await queued(transport, port, "a", "b", "c")  # nobody listens there any more
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [UpstreamUnreachable] * 3
        await at_rest(transport)


class Stale:
    """Answers the first request of each connection; later ones get `then`. Notes the size of each whole body."""

    def __init__(self, then: str, *, kept: int = 1) -> None:
        self.then, self.kept = then, kept
        self.bodies: list[int] = []
        self.begun = 0

    async def __call__(self, peer: Peer) -> None:
        if peer.number < self.kept:
            await peer.request()
            await peer.send(OK)
            await peer.reader.readexactly(1)
            await self.fail(peer)
            return
        _, body = await peer.request()
        self.bodies.append(len(body))
        await peer.send(OK)

    async def fail(self, peer: Peer) -> None:
        self.begun += 1
        if self.then == "reads all, then resets":
            await peer.reader.readuntil(b"\r\n\r\n{}")
        elif self.then == "begins to answer, then resets":
            await peer.send(b"HTTP")
            await asyncio.sleep(0.05)  # a reset may overtake what was sent just before
        peer.reset()


async def test_a_large_request_on_a_stale_connection_is_sent_once_more() -> None:
    stale = Stale("resets")
    async with listening(stale) as (port, peers), aclosing(LeanTransport()) as transport:
        await read(transport, ask(port))
        assert await read(transport, ask(port, body=LARGE)) == b"ok"
        assert (stale.begun, stale.bodies, len(peers)) == (1, [len(LARGE)], 2)
        await at_rest(transport)


@pytest.mark.parametrize(
    ("then", "body"),
    [("reads all, then resets", b"{}"), ("begins to answer, then resets", LARGE)],
)
async def test_what_may_have_been_acted_on_is_not_sent_again(then: str, body: bytes) -> None:
    stale = Stale(then)
    async with listening(stale) as (port, peers), aclosing(LeanTransport()) as transport:
        await read(transport, ask(port))
        with pytest.raises(UpstreamUnreachable):
            await read(transport, ask(port, body=body))
        assert (stale.begun, stale.bodies, len(peers)) == (1, [], 1)
        await at_rest(transport)


async def test_a_new_connection_that_breaks_is_no_stale_one() -> None:
    async def reset(peer: Peer) -> None:
        await peer.reader.readexactly(1)
        peer.reset()

    async with listening(reset) as (port, peers), aclosing(LeanTransport()) as transport:
        with pytest.raises(UpstreamUnreachable):
            await read(transport, ask(port, body=LARGE))
        assert len(peers) == 1


async def test_a_request_is_sent_again_once_and_no_more() -> None:
    stale = Stale("resets", kept=3)
    async with listening(stale) as (port, _), aclosing(LeanTransport()) as transport:
        await asyncio.gather(*(read(transport, ask(port)) for _ in range(3)))  # three kept connections
        with pytest.raises(UpstreamUnreachable):
            await read(transport, ask(port, body=LARGE))
        assert stale.begun == 2
        await at_rest(transport)


async def test_an_answer_before_the_whole_request_is_an_answer_and_ends_the_connection() -> None:
    async def refuses(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await peer.reader.read()

    async with listening(refuses) as (port, peers), aclosing(LeanTransport()) as transport:
        answer = await transport.send(ask(port, body=LARGE))
        assert (answer.status, await answer.read()) == (413, b"no")
        await answer.aclose()
        await at_rest(transport)
        assert (await transport.send(ask(port, body=LARGE))).status == 413
        assert len(peers) == 2


async def test_bytes_behind_an_answer_reach_no_other_call() -> None:
    async def smuggles(peer: Peer) -> None:
        while True:
            path, _ = await peer.request()
            own = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path.encode())
            await peer.send(own + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    async with listening(smuggles) as (port, peers), aclosing(LeanTransport()) as transport:
        for number in range(3):
            assert await read(transport, ask(port, f"/{number}")) == f"/{number}".encode()
        assert len(peers) == 3
