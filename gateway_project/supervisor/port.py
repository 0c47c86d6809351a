"""The listening socket: bound once by the parent, so that a taken port is told before anything else, and connections
wait in it while a child restarts."""

from __future__ import annotations

import errno
import socket
import time

BACKLOG = 2048
POLL_SECONDS = 0.05


class PortTaken(Exception):
    """Someone else listens there."""


def listen(host: str, port: int, *, patience: float = 0) -> socket.socket:
    """A listening socket that children inherit. Raises PortTaken where the port is not free within `patience` seconds,
    OSError for an address that is not ours."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _listen(host, port)
        except PortTaken:
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port}") from error
        raise
    listener.set_inheritable(True)
    return listener


def reachable_host(host: str) -> str:
    """A host name to print: where one would connect to reach a server that listens on `host`."""
    if host in ("0.0.0.0", ""):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
