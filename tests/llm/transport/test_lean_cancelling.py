"""The lean transport leaves nothing behind, wherever a call is cancelled and whenever the transport is closed."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing, closing
from functools import partial

import pytest

from llm.errors import UpstreamError, UpstreamUnreachable
from llm.spec import Connection
from llm.transport.lean import LeanTransport
from tests.llm.transport.test_lean_proxies import carries
from tests.support.raw_peer import Peer, ask, at_rest, held, listening, open_files, until
from tests.support.transports import Names
from tests.support.upstream_tls import authority
from tests.support.wire import read

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def in_pieces(peer: Peer) -> None:
    while True:
        await peer.request()
        for piece in (CHUNKED, b"2\r\nab\r\n", b"2\r\ncd\r\n", b"0\r\n\r\n"):
            await peer.send(piece)
            await asyncio.sleep(0)


async def cancelled_after(steps: int, transport: LeanTransport, port: int, **how: object) -> bool:
    """Was the call cancelled? False where it had ended by then."""
    task = asyncio.create_task(read(transport, ask(port, **how)))
    for _ in range(steps):
        await asyncio.sleep(0)
    ended = task.done()
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    assert result == b"abcd" if ended else isinstance(result, asyncio.CancelledError | bytes), result
    return not ended


@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("way", ["plain", "tls", "tunnel", "https tunnel"])
async def test_a_call_cancelled_at_any_step_leaves_nothing(way: str, kept: bool) -> None:
    context = authority().server_context()
    async with (
        listening(in_pieces, tls=None if way == "plain" else context) as (to, _),
        listening(partial(carries, to=to), tls=context if way == "https tunnel" else None) as (proxy, _),
    ):
        via = {"tunnel": f"http://127.0.0.1:{proxy}", "https tunnel": f"https://127.0.0.1:{proxy}"}.get(way)
        how = {
            "scheme": "http" if way == "plain" else "https",
            "connection": Connection(verify=authority().ca_path, allow_private=True, proxy=via, max_connections=1),
        }
        resolve = Names("127.0.0.1").infos  # at once: a thread's answer takes any number of the loop's steps
        async with aclosing(LeanTransport(resolve=resolve)) as transport:
            assert await read(transport, ask(to, **how)) == b"abcd"
            before = open_files()
            steps = 0
            while steps < 1000 and await cancelled_after(steps, transport, to, **how):
                await at_rest(transport)
                steps += 1
                if kept:
                    assert await read(transport, ask(to, **how)) == b"abcd"  # the only place is free, and clean
            assert 3 < steps < 1000
            await at_rest(transport)
        await until(lambda: open_files() <= before)


async def test_the_closing_of_a_transport_ends_a_dial() -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:  # its queue is full: it answers no more
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        transport = LeanTransport()
        task = asyncio.create_task(transport.send(ask(full.getsockname()[1])))
        await until(lambda: held(transport)["obtaining"])
        await transport.aclose()
        with pytest.raises(UpstreamUnreachable, match="going down"):
            await asyncio.wait_for(task, 1)
        assert held(transport)["obtaining"] == 0
        for one in waiting:
            one.close()


async def test_the_closing_of_a_transport_ends_a_handshake() -> None:
    async def mute(peer: Peer) -> None:
        await peer.reader.read()

    async with listening(mute) as (port, peers):
        transport = LeanTransport()
        task = asyncio.create_task(transport.send(ask(port, scheme="https", connection=Connection(allow_private=True))))
        await until(lambda: peers)
        await transport.aclose()
        with pytest.raises(UpstreamUnreachable, match="going down"):
            await asyncio.wait_for(task, 1)
        await until(lambda: peers[0].reader.at_eof())


async def test_the_closing_of_a_transport_ends_answers_and_the_queue() -> None:
    async def begins(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"2\r\nab\r\n")
        await peer.reader.read()

    narrow = Connection(allow_private=True, max_connections=1)
    async with listening(begins) as (port, peers):
        transport = LeanTransport()
        answer = await transport.send(ask(port, connection=narrow))
        queued = [asyncio.create_task(transport.send(ask(port, connection=narrow))) for _ in range(3)]
        reading = asyncio.create_task(answer.read())
        await until(lambda: held(transport)["queued"] == 3)
        await transport.aclose()
        for task in (reading, *queued):
            with pytest.raises(UpstreamError):
                await asyncio.wait_for(task, 1)
        with pytest.raises(UpstreamUnreachable, match="going down"):
            await transport.send(ask(port, connection=narrow))
        assert len(peers) == 1


async def test_a_peer_that_hangs_up_within_the_handshake_is_an_error_of_ours() -> None:
    async def hangs_up(peer: Peer) -> None:
        await peer.reader.read(100)

    async with listening(hangs_up) as (port, _), aclosing(LeanTransport()) as transport:
        for _ in range(3):
            with pytest.raises(UpstreamUnreachable):
                await transport.send(ask(port, scheme="https", connection=Connection(allow_private=True)))
        await at_rest(transport)


async def test_an_idle_connection_whose_peer_is_dead_holds_no_place() -> None:
    """Over TLS: a polite end would wait for the peer's word."""

    async def answers_then_sleeps(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=1\r\n\r\nok")
        peer.writer.transport.pause_reading()
        await asyncio.Event().wait()

    narrow = Connection(verify=authority().ca_path, allow_private=True, max_connections=1)
    async with (
        listening(answers_then_sleeps, tls=authority().server_context()) as (port, peers),
        aclosing(LeanTransport()) as transport,
    ):
        for _ in range(3):
            assert await read(transport, ask(port, scheme="https", connection=narrow)) == b"ok"
        assert len(peers) == 3
