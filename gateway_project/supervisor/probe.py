"""Do the children answer?"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

from gateway_project.supervisor.port import reachable_host

SECONDS = 2.0


def port_ready(host: str, port: int) -> bool:
    """Does a data worker say that it is ready?"""
    return _status(http.client.HTTPConnection(reachable_host(host).strip("[]"), port, timeout=SECONDS), "/ready") == 200


def control_answers(path: Path) -> bool:
    return _status(_UnixConnection(path), "/health") == 204


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    """0 where nobody answers."""
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))
