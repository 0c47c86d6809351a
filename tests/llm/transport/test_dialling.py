"""Whom the transport talks to: addresses, names, TLS, proxies, and kept connections that have died."""

from __future__ import annotations

import socket
import threading

import pytest

from llm.errors import UpstreamUnreachable
from llm.spec import Connection
from llm.transport.base import Transport
from tests.support.transports import Resolving
from tests.support.upstream import FakeUpstream
from tests.support.wire import EMPTY_ANSWER, MakeOutbound, proxy, read

PUBLIC_ONLY = Connection(allow_private=False)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3"])
async def test_a_name_that_leads_to_a_private_address_is_refused(
    upstream: FakeUpstream, outbound: MakeOutbound, resolving: Resolving, ip: str
) -> None:
    async with resolving(ip) as transport:
        with pytest.raises(UpstreamUnreachable, match="not allowed"):
            await read(transport, outbound(url=upstream.url_for("api.example.com"), connection=PUBLIC_ONLY))
    assert upstream.total_connections == 0


@pytest.mark.parametrize("ip", ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"])
async def test_a_name_that_leads_to_metadata_is_refused_even_where_private_is_allowed(
    upstream: FakeUpstream, outbound: MakeOutbound, resolving: Resolving, ip: str
) -> None:
    async with resolving(ip) as transport:
        with pytest.raises(UpstreamUnreachable, match="not allowed"):
            await read(transport, outbound(url=upstream.url_for("api.example.com")))


async def test_of_several_addresses_only_those_allowed_are_dialled(
    upstream: FakeUpstream, outbound: MakeOutbound, resolving: Resolving
) -> None:
    async with resolving("169.254.169.254", "127.0.0.1") as transport:
        assert b"echo: hi" in await read(
            transport, outbound(url=upstream.url_for("api.example.com") + "/v1/chat/completions")
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_literals_are_refused_too(
    transport: Transport, upstream: FakeUpstream, outbound: MakeOutbound, host: str
) -> None:
    with pytest.raises(UpstreamUnreachable, match="not allowed"):
        await read(transport, outbound(url=upstream.url_for(host), connection=PUBLIC_ONLY))
    assert upstream.total_connections == 0


async def test_an_unknown_name(transport: Transport, outbound: MakeOutbound) -> None:
    with pytest.raises(UpstreamUnreachable):
        await read(transport, outbound(url="http://no-such-host.invalid/v1"))


async def test_tls_with_the_right_authority(transport: Transport, outbound: MakeOutbound) -> None:
    async with FakeUpstream(tls=True, keys=None, strict=False) as upstream:
        trusting = Connection(verify=upstream.ca_path or "", allow_private=True)
        for host in ("127.0.0.1", "localhost"):
            url = upstream.url_for(host) + "/v1/chat/completions"
            assert b"echo: hi" in await read(transport, outbound(url=url, connection=trusting))


async def test_tls_connections_are_kept_and_dropped_like_others(transport: Transport, outbound: MakeOutbound) -> None:
    async with FakeUpstream(tls=True, keys=None, strict=False) as upstream:
        request = outbound(
            url=f"{upstream.url}/v1/chat/completions",
            connection=Connection(verify=upstream.ca_path or "", allow_private=True),
        )
        for _ in range(3):
            await read(transport, request)
        assert upstream.total_connections == 1


@pytest.mark.parametrize("case", ["unknown authority", "wrong name", "no such bundle"])
async def test_tls_that_is_not_accepted(outbound: MakeOutbound, resolving: Resolving, case: str) -> None:
    async with FakeUpstream(tls=True, keys=None) as upstream, resolving("127.0.0.1") as transport:
        host = "api.example.com" if case == "wrong name" else "127.0.0.1"
        verify = {"unknown authority": True, "wrong name": upstream.ca_path, "no such bundle": "/nowhere/ca.pem"}[case]
        connection = Connection(verify=verify or "", allow_private=True)
        with pytest.raises(UpstreamUnreachable):
            await read(transport, outbound(url=upstream.url_for(host) + "/v1/models", connection=connection))
        assert upstream.requests == []


async def test_tls_unverified_only_where_it_is_said(transport: Transport, outbound: MakeOutbound) -> None:
    async with FakeUpstream(tls=True, keys=None, strict=False) as upstream:
        careless = Connection(verify=False, allow_private=True)
        request = outbound(url=f"{upstream.url}/v1/chat/completions", connection=careless)
        assert b"echo: hi" in await read(transport, request)


async def test_a_proxy_is_dialled_in_the_providers_place(transport: Transport, outbound: MakeOutbound) -> None:
    async with proxy() as (url, asked):
        through = Connection(proxy=url, allow_private=True)
        request = outbound(url="http://api.example.com/v1/chat/completions", connection=through)
        assert await read(transport, request) == b"{}"
    assert asked[0].startswith(b"POST http://api.example.com/v1/chat/completions ")


async def test_a_proxys_credentials_go_to_the_proxy_only(transport: Transport, outbound: MakeOutbound) -> None:
    async with FakeUpstream(tls=True, keys=None, strict=False) as upstream, proxy() as (url, asked):
        named = url.replace("http://", "http://user:pass@")
        through = Connection(proxy=named, verify=upstream.ca_path or "", allow_private=True)
        await read(transport, outbound(url=f"{upstream.url}/v1/chat/completions", connection=through))
        await read(transport, outbound(url="http://api.example.com/", connection=through))
    assert all(b"proxy-authorization: basic dxnlcjpwyxnz" in head.lower() for head in asked)
    assert "proxy-authorization" not in upstream.requests[0].headers


async def test_tls_goes_through_a_proxy_to_the_provider_itself(transport: Transport, outbound: MakeOutbound) -> None:
    async with FakeUpstream(tls=True, keys=None, strict=False) as upstream, proxy() as (url, asked):
        through = Connection(proxy=url, verify=upstream.ca_path or "", allow_private=True)
        address = upstream.url_for("localhost") + "/v1/chat/completions"
        assert b"echo: hi" in await read(transport, outbound(url=address, connection=through))
    assert asked[0].startswith(b"CONNECT localhost:")
    assert b"sk-" not in asked[0]


async def test_a_refused_target_is_refused_through_a_proxy_too(transport: Transport, outbound: MakeOutbound) -> None:
    async with proxy() as (url, asked):
        for target in ("http://169.254.169.254/latest", "http://2852039166/", "http://metadata.google.internal/"):
            with pytest.raises(UpstreamUnreachable, match="not allowed"):
                await read(transport, outbound(url=target, connection=Connection(proxy=url, allow_private=True)))
        assert asked == []


async def test_a_proxy_that_is_not_allowed_is_not_dialled(transport: Transport, outbound: MakeOutbound) -> None:
    async with proxy() as (url, asked):
        with pytest.raises(UpstreamUnreachable):
            await read(transport, outbound(url="http://api.example.com/", connection=Connection(proxy=url)))
        assert asked == []


class ClosesWhenTold:
    """A provider in a thread that keeps its first connection open until it is told to close it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.close, self.closed = threading.Event(), threading.Event()
        self.accepted = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for _ in range(2):
            peer, _address = self.listener.accept()
            self.accepted += 1
            peer.settimeout(10)
            peer.recv(65536)
            peer.sendall(EMPTY_ANSWER)
            self.close.wait(10)
            peer.shutdown(socket.SHUT_RDWR)
            peer.close()
            self.closed.set()
        self.listener.close()


async def test_a_kept_connection_that_died_before_it_was_used_is_replaced(
    transport: Transport, outbound: MakeOutbound
) -> None:
    provider = ClosesWhenTold()
    provider.thread.start()
    request = outbound(url=provider.url)
    assert await read(transport, request) == b"{}"
    provider.close.set()
    assert provider.closed.wait(5)  # blocks the loop on purpose: it cannot have seen the end of the connection
    assert await read(transport, request) == b"{}"
    assert provider.accepted == 2
    provider.thread.join(5)
