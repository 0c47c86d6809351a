"""From a destination to a connection: names, the address policy, both address families, proxies, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import aiohappyeyeballs

from llm.errors import UpstreamUnreachable
from llm.spec import Connection
from llm.transport import address, failures
from llm.transport.lean import tls
from llm.transport.lean.destination import Destination, proxy
from llm.transport.lean.tunnel import Tunnel, connect_request
from llm.transport.lean.wire import Wire, tune

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]
Resolve = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]
"""Host and port to what `getaddrinfo` gives. OSError where the name leads nowhere."""

_STAGGER: Final = 0.25  # seconds before the next address is tried beside the last


async def system_resolve(host: str, port: int) -> Sequence[AddressInfo]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), int(kind), protocol, name, tuple(at)) for family, kind, protocol, name, at in found]


async def dial(to: Destination, connection: Connection, resolve: Resolve) -> Wire:
    """A connection over which requests to `to` can be sent. UpstreamUnreachable says why there is none."""
    loop = asyncio.get_running_loop()
    if connection.proxy is not None:
        return await _through_proxy(loop, to, connection, resolve)
    context = _context(connection.verify) if to.tls else None
    made = await _connected(to.host, to.port, connection.allow_private, resolve)
    wire = Wire(loop)
    await _made(loop, wire, made, context, to.host)
    return wire


async def _through_proxy(
    loop: asyncio.AbstractEventLoop, to: Destination, connection: Connection, resolve: Resolve
) -> Wire:
    """Plain HTTP is asked of the proxy itself; for TLS it only carries the bytes."""
    via = proxy(connection.proxy or "")
    context = _context(connection.verify) if via.tls else None
    try:
        address.check_host(via.host, allow_private=connection.allow_private)
        made = await _connected(via.host, via.port, connection.allow_private, resolve)
    except (ValueError, UpstreamUnreachable) as error:
        raise failures.proxy_not_reached() from error
    wire = Wire(loop)
    if not to.tls:
        await _made(loop, wire, made, context, via.host)
        return wire
    tunnel = Tunnel(loop)
    await _made(loop, tunnel, made, context, via.host)
    try:
        await tunnel.open(connect_request(to, via))
        with _Secure():
            carried = await loop.start_tls(tunnel.transport, wire, _context(connection.verify), server_hostname=to.host)
        if carried is None:  # asyncio: the proxy's own TLS ended within the handshake
            raise failures.not_reached()
    except BaseException:
        tunnel.drop()
        raise
    wire.connection_made(carried)
    return wire


async def _connected(host: str, port: int, allow_private: bool, resolve: Resolve) -> socket.socket:
    """A connected socket. Exactly the address that was checked is dialled."""
    try:
        found = await resolve(host, port)
    except OSError as error:
        raise failures.name_unknown() from error
    except UnicodeError as error:  # a label that is no name
        raise failures.name_unknown() from error
    permitted = [one for one in found if address.allowed(str(one[4][0]), allow_private)]
    if found and not permitted:
        raise failures.address_refused()
    try:
        return await aiohappyeyeballs.start_connection(
            permitted, happy_eyeballs_delay=_STAGGER, interleave=1, socket_factory=_socket
        )
    except (OSError, ValueError, RuntimeError) as error:  # uvloop's errors of a socket may be RuntimeErrors
        raise failures.not_reached() from error


def _socket(info: AddressInfo) -> socket.socket:
    made = socket.socket(*info[:3])
    tune(made)
    return made


async def _made(
    loop: asyncio.AbstractEventLoop,
    protocol: Wire | Tunnel,
    made: socket.socket,
    context: tls.Context | None,
    host: str,
) -> None:
    try:
        with _Secure():
            await loop.create_connection(
                lambda: protocol, sock=made, ssl=context, server_hostname=host if context is not None else None
            )
    except BaseException:
        protocol.drop()  # first: closed under a living transport, the socket's number would stay with the selector
        made.close()
        raise


def _context(verify: bool | str) -> tls.Context:
    with _Secure():
        return tls.context(verify)


class _Secure:
    """`with _Secure():` raises our error for what goes wrong between a socket and a connection."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ssl.SSLError | ssl.CertificateError | FileNotFoundError):
            raise failures.not_secure() from error
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise failures.not_reached() from error
