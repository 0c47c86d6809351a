"""Proxies that refuse, cut, say too much or speak TLS; and whom NO_PROXY spares one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial

import pytest

from llm.errors import UpstreamTimeout, UpstreamUnreachable
from llm.spec import Connection, Timeouts
from llm.transport.base import Transport
from llm.transport.lean import LeanTransport
from tests.support.raw_peer import OK, Peer, ask, at_rest, listening, until
from tests.support.upstream_tls import authority
from tests.support.wire import read

PROVIDER = "api.example.com"


async def provider(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.send(OK)


async def carries(peer: Peer, *, to: int, more: bytes = b"") -> None:
    """An honest proxy; `more` is what it adds to its word of agreement."""
    await peer.reader.readuntil(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", to)
    await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n" + more)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()

    try:
        tasks = [asyncio.ensure_future(pump(peer.reader, writer)), asyncio.ensure_future(pump(reader, peer.writer))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    finally:
        writer.close()


def says(*, answer: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def serve(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(answer)

    return serve


async def resets(peer: Peer) -> None:
    await peer.reader.readuntil(b"\r\n\r\n")
    peer.reset()


async def talks_without_end(peer: Peer) -> None:
    while True:
        await peer.send(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 65536)


def through(port: int, *, tls: bool = False) -> Connection:
    scheme = "https" if tls else "http"
    return Connection(proxy=f"{scheme}://127.0.0.1:{port}", verify=authority().ca_path, allow_private=True)


@pytest.mark.parametrize(
    "serve",
    [
        says(answer=b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        says(answer=b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!"),
        says(answer=b"HTTP/1.1 20"),
        says(answer=b""),
        says(answer=b"SSH-2.0 200\r\n\r\n"),
        resets,
        talks_without_end,
    ],
    ids=["407", "403", "cut", "closed", "no http", "reset", "endless"],
)
async def test_a_proxy_that_carries_nothing(serve: Callable[[Peer], Awaitable[None]]) -> None:
    async with listening(serve) as (port, peers), aclosing(LeanTransport()) as transport:
        for _ in range(2):
            with pytest.raises(UpstreamUnreachable, match="proxy"):
                await read(transport, ask(443, scheme="https", host=PROVIDER, connection=through(port)))
        assert len(peers) == 2
        await at_rest(transport)


@pytest.mark.parametrize(
    "more", [b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"], ids=["a byte", "an answer"]
)
async def test_a_proxy_that_says_more_than_it_agrees(more: bytes) -> None:
    async with (
        listening(provider, tls=authority().server_context()) as (to, _),
        listening(partial(carries, to=to, more=more)) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        with pytest.raises(UpstreamUnreachable):
            await read(transport, ask(to, scheme="https", connection=through(port)))
        await at_rest(transport)


@pytest.mark.parametrize("tls", [False, True], ids=["http proxy", "https proxy"])
async def test_a_proxy_that_agrees_and_then_cuts(tls: bool) -> None:
    context = authority().server_context() if tls else None
    async with (
        listening(says(answer=b"HTTP/1.1 200 OK\r\n\r\n"), tls=context) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        for _ in range(3):
            with pytest.raises(UpstreamUnreachable):
                await read(transport, ask(443, scheme="https", connection=through(port, tls=tls)))
        await at_rest(transport)


async def test_a_proxy_that_never_answers_is_given_up_in_time() -> None:
    async def silent(peer: Peer) -> None:
        await peer.reader.read()

    async with listening(silent) as (port, peers), aclosing(LeanTransport()) as transport:
        with pytest.raises(UpstreamTimeout, match="in time"):
            quick = Timeouts(connect=0.1, first_byte=5, idle=5, total=5)
            await read(transport, ask(443, scheme="https", host=PROVIDER, connection=through(port), timeouts=quick))
        await until(lambda: peers[0].reader.at_eof())  # the connection to it is closed
        await at_rest(transport)


@pytest.mark.parametrize("tls", [False, True], ids=["http proxy", "https proxy"])
async def test_connections_through_a_proxy_are_kept(tls: bool) -> None:
    context = authority().server_context()
    async with (
        listening(provider, tls=context) as (to, ends),
        listening(partial(carries, to=to), tls=context if tls else None) as (port, peers),
        aclosing(LeanTransport()) as transport,
    ):
        for _ in range(3):
            request = ask(to, scheme="https", connection=through(port, tls=tls), body=bytes(300_000))
            assert await read(transport, request) == b"ok"
        assert (len(peers), len(ends)) == (1, 1)
        await at_rest(transport)


@pytest.mark.parametrize(
    ("named", "spared"),
    [("127.0.0.1", True), ("example.org, 127.0.0.1", True), ("*", True), ("", False), ("example.org", False)],
)
async def test_no_proxy_names_hosts_that_are_dialled_directly(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, named: str, spared: bool
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", named)
    asked = says(answer=b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nproxy")
    async with listening(provider) as (to, ends), listening(asked) as (port, peers):
        assert await read(transport, ask(to, connection=through(port))) == (b"ok" if spared else b"proxy")
        assert (len(ends), len(peers)) == ((1, 0) if spared else (0, 1))
