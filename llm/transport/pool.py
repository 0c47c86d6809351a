"""aiohttp's sessions: one for each distinct `Connection`, made within the running loop."""

from __future__ import annotations

import errno
import functools
import os
import select
import socket
import ssl
from collections.abc import Callable
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ClientResponse
from aiohttp.connector import Connection as AiohttpConnection

from llm.spec import Connection
from llm.transport import address
from llm.transport.foreign import AddressRefused, StaleConnection

KEEP_ALIVE = 15.0  # seconds that an idle connection is kept
MAX_HEADER_BYTES = 16 * 1024  # of one line of an answer's head
MAX_HEADERS = 128
KEPT_SESSIONS = 64  # idle sessions beyond this many are closed: configurations come and go

_served: WeakSet[ResponseHandler] = WeakSet()


class Request(ClientRequest):
    """Looks at a reused connection before it writes.

    aiohttp repeats no POST whose kept connection turns out dead, and rightly: the provider may have begun to work.
    Where the end of the connection was there before the first byte was written, nothing can have begun.
    """

    async def send(self, conn: AiohttpConnection) -> ClientResponse:
        if (protocol := conn.protocol) is not None:
            if protocol in _served and (protocol.should_close or _has_input(conn)):  # bytes already read, or waiting
                raise StaleConnection
            _served.add(protocol)
        return await super().send(conn)


def _has_input(conn: AiohttpConnection) -> bool:
    """Whether an idle connection has something to read: its end, or bytes that nobody asked for."""
    transport = conn.transport
    if transport is None or transport.is_closing():
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Pool:
    """One session and how many answers of it are under way."""

    __slots__ = ("busy", "session")

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.busy = 0


def open_session(connection: Connection, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Raises OSError or ssl.SSLError where the CA bundle cannot be read."""
    connector = aiohttp.TCPConnector(
        ssl=_tls(connection.verify),
        limit=0,
        limit_per_host=connection.max_connections,
        keepalive_timeout=KEEP_ALIVE,
        resolver=resolver,
        socket_factory=_dialler(connection.allow_private),
    )
    return aiohttp.ClientSession(
        connector=connector,
        request_class=Request,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "llm-gateway"},
        proxy=connection.proxy,
        trust_env=False,
        auto_decompress=True,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )


def _tls(verify: bool | str) -> ssl.SSLContext | bool:
    return _bundle(verify) if isinstance(verify, str) else verify


@functools.lru_cache(maxsize=16)
def _bundle(path: str) -> ssl.SSLContext:
    """A context that trusts the authorities of this file or folder, and no others."""
    if os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _dialler(allow_private: bool) -> Callable[[aiohttp.AddrInfoType], socket.socket]:
    """Makes the socket for an address that is about to be dialled, or refuses it.

    aiohttp calls this with every address that it dials, resolved names and literals alike (aiohttp 3.14.5,
    `connector._wrap_create_connection`), and dials exactly that one: what was checked cannot change in between.
    """

    def dial(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, destination = info
        if not address.allowed(str(destination[0]), allow_private):
            raise AddressRefused(errno.EACCES, "refused by the address policy")
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    return dial
