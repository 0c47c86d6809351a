"""How the lean transport dials: names, both families, TLS contexts and sessions, how long a connection is kept."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Sequence
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from llm.errors import UpstreamUnreachable
from llm.spec import Connection
from llm.transport.lean import LeanTransport, wire
from llm.transport.lean.dial import AddressInfo
from tests.support.raw_peer import OK, Peer, ask, at_rest, listening, open_files, until
from tests.support.upstream_tls import authority
from tests.support.wire import read

ONCE = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


def answers(data: bytes) -> object:
    async def serve(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(data)

    return serve


class Led:
    """A resolver: each name leads to these addresses, which may change."""

    def __init__(self, *places: tuple[str, int]) -> None:
        self.places = places
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[AddressInfo]:
        self.asked += 1
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, at))
            for ip, at in self.places
        ]


async def test_a_name_is_asked_for_again_at_each_dial() -> None:
    async with listening(answers(ONCE)) as (old, before), listening(answers(ONCE)) as (new, after):
        led = Led(("127.0.0.1", old))
        async with aclosing(LeanTransport(resolve=led)) as transport:
            await read(transport, ask(80, host="api.example.com"))
            led.places = (("127.0.0.1", new),)
            await read(transport, ask(80, host="api.example.com"))
        assert (len(before), len(after), led.asked) == (1, 1, 2)


async def test_no_connection_is_used_for_ever() -> None:
    """By `MAX_AGE` a name may lead elsewhere."""
    async with listening(answers(OK)) as (port, peers), aclosing(LeanTransport()) as transport:
        await read(transport, ask(port))
        (host,) = transport._hosts.values()
        (kept,) = host.idle
        now = asyncio.get_running_loop().time()
        assert kept.usable(now + wire.MAX_AGE - 1)
        kept.born -= wire.MAX_AGE + 1
        await read(transport, ask(port))
        assert len(peers) == 2


async def test_an_address_that_refuses_gives_way_to_the_next() -> None:
    async with (
        listening(answers(OK)) as (port, _),
        aclosing(LeanTransport(resolve=Led(("::1", 9), ("127.0.0.1", port)))) as transport,
    ):
        assert await read(transport, ask(80, host="api.example.com")) == b"ok"


async def test_an_address_that_does_not_answer_is_not_waited_for() -> None:
    async with listening(answers(ONCE)) as (port, _):
        with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
            at = full.getsockname()
            opened: list[int] = []
            waiting = [socket.socket() for _ in range(3)]
            for one in waiting:  # its queue is full: it answers no more
                one.setblocking(False)
                one.connect_ex(at)
            led = Led(at, ("127.0.0.1", port))
            loop = asyncio.get_running_loop()
            async with aclosing(LeanTransport(resolve=led)) as transport:
                for _ in range(2):
                    begun = loop.time()
                    assert await read(transport, ask(80, host="api.example.com")) == b"ok"
                    assert 0.2 < loop.time() - begun < 2
                    await until(lambda: not any(host.open for host in transport._hosts.values()))
                    opened.append(open_files())
            for one in waiting:
                one.close()
    assert opened[0] == opened[1]  # the attempt that lost left no socket behind


@pytest.mark.parametrize(("hint", "kept"), [(b"timeout=60, max=100", True), (b"max=5", True), (b"timeout=1", False)])
async def test_the_providers_hint_how_long_it_keeps_a_connection_is_heeded(hint: bytes, kept: bool) -> None:
    hinted = OK.replace(b"\r\n\r\n", b"\r\nkeep-alive: " + hint + b"\r\n\r\n", 1)
    async with listening(answers(hinted)) as (port, peers), aclosing(LeanTransport()) as transport:
        for _ in range(2):
            await read(transport, ask(port))
        assert len(peers) == (1 if kept else 2)


async def test_tls_sessions_are_resumed() -> None:
    resumed = []

    async def serve(peer: Peer) -> None:
        resumed.append(peer.writer.get_extra_info("ssl_object").session_reused)
        await peer.request()
        await peer.send(ONCE)

    trusting = Connection(verify=authority().ca_path, allow_private=True)
    careless = Connection(verify=False, allow_private=True)
    async with (
        listening(serve, tls=authority().server_context()) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        for connection in (trusting, trusting, careless, trusting):
            assert await read(transport, ask(port, scheme="https", connection=connection)) == b"ok"
    assert resumed[1:] == [True, False, True]  # never one that began without verification


async def test_a_changed_bundle_is_read_again(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    shutil.copy(authority.__wrapped__().ca_path, bundle)  # another authority
    request = {"scheme": "https", "connection": Connection(verify=str(bundle), allow_private=True)}
    async with (
        listening(answers(ONCE), tls=authority().server_context()) as (port, _),
        aclosing(LeanTransport()) as transport,
    ):
        with pytest.raises(UpstreamUnreachable, match="certificate"):
            await read(transport, ask(port, **request))
        shutil.copy(authority().ca_path, bundle)
        assert await read(transport, ask(port, **request)) == b"ok"
        await at_rest(transport)


async def test_a_bundle_is_read_only_where_it_is_needed() -> None:
    missing = Connection(verify="/nowhere/ca.pem", allow_private=True)
    async with listening(answers(OK)) as (port, peers), aclosing(LeanTransport()) as transport:
        assert await read(transport, ask(port, connection=missing)) == b"ok"
        before = open_files()
        for _ in range(5):
            with pytest.raises(UpstreamUnreachable, match="certificate"):
                await read(transport, ask(port, scheme="https", connection=missing))
        assert (len(peers), open_files()) == (1, before)


async def test_the_first_byte_is_waited_for_from_the_last_byte_of_each_request_over_tls() -> None:
    """Whether all is written is known over TLS too, also where the server's tickets come late."""

    async def serve(peer: Peer) -> None:
        for _ in range(4):
            await peer.request()
            assert exchanges
            first_byte_at.append(exchanges[0]())
            await peer.send(OK)

    first_byte_at: list[bool] = []
    exchanges = []
    trusting = Connection(verify=authority().ca_path, allow_private=True)
    async with (
        listening(serve, tls=authority().server_context()) as (port, peers),
        aclosing(LeanTransport()) as transport,
    ):
        exchanges.append(lambda: all(one.deadline < one.total_at for one in transport._sweeper._waiting))
        for _ in range(4):
            assert await read(transport, ask(port, scheme="https", connection=trusting)) == b"ok"
        assert (first_byte_at, len(peers)) == ([True] * 4, 1)
