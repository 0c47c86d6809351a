"""The parent process of `manage.py run_api`."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from gateway_project.supervisor.child import Child
from gateway_project.supervisor.embedded_redis import EmbeddedRedis, find_binary
from gateway_project.supervisor.first_run import FirstRun
from gateway_project.supervisor.port import reachable_host

log = logging.getLogger(__name__)
TEND_SECONDS = 0.1
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """`redis_url` empty: an embedded Redis is looked for. `redis_port` 0: it listens on its socket only."""

    host: str
    port: int
    workers: int
    drain_seconds: int
    data_dir: Path
    redis_url: str = ""
    redis_port: int = 0


class Supervisor:
    """Starts the children, keeps them alive, and stops them in order when told to."""

    def __init__(self, options: Options, listener: socket.socket) -> None:
        self._options = options
        self._listener = listener
        self._port = listener.getsockname()[1]
        self._base_url = f"http://{reachable_host(options.host)}:{self._port}"
        self._redis: EmbeddedRedis | None = None
        self._children: list[Child] = []  # in the order of their start; the stop is the other way round
        self._stopping = False

    def run(self) -> None:
        """Returns when the gateway was told to stop and no child is left."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            env = self._start_redis(dict(os.environ))
            self._start_worker(env)
            self._start_api(env)
            self._wait_ready()
            self._announce()
            while not self._stopping:
                self._tend()
        finally:
            self._stop()

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _start_redis(self, env: dict[str, str]) -> dict[str, str]:
        """The environment of the other children: with the URL of the embedded Redis, if one is started."""
        if self._options.redis_url:
            return env
        binary = find_binary()
        if binary is None:
            return env
        embedded = EmbeddedRedis.plan(binary, data_dir=self._options.data_dir, port=self._options.redis_port)
        embedded.stop_leftover()
        self._add(Child("redis", embedded.command(), env=env))
        embedded.wait_ready()
        embedded.write_address()
        self._redis = embedded
        return {**env, "LLM_GATEWAY_REDIS_URL": embedded.url}

    def _start_worker(self, env: dict[str, str]) -> None:
        if not (env.get("LLM_GATEWAY_BROKER_URL") or env.get("LLM_GATEWAY_REDIS_URL")):
            return
        self._add(Child("worker", [sys.executable, "-m", "gateway_project.supervisor.worker"], env=env))

    def _start_api(self, env: dict[str, str]) -> None:
        workers = self._options.workers
        if workers > 1 and not env.get("LLM_GATEWAY_REDIS_URL"):
            sys.exit(f"{workers} API processes need Redis; without it one is run (LLM_GATEWAY_WORKERS, --workers).")
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", "gateway_project.supervisor.api", "--fd", str(descriptor)]
        command += ["--drain-seconds", str(self._options.drain_seconds)]
        for number in range(workers):
            self._add(Child(f"api-{number}", command, env=env, keep=[descriptor]))

    def _add(self, child: Child) -> None:
        child.start()
        self._children.append(child)

    def _tend(self) -> None:
        time.sleep(TEND_SECONDS)
        for child in self._children:
            if not self._stopping:
                child.tend()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping and time.monotonic() < deadline:
            if self._ready():
                return
            self._tend()
        if not self._stopping:
            print(f"Not ready yet; {self._base_url}/ready says what is missing.", file=sys.stderr, flush=True)

    def _ready(self) -> bool:
        host = reachable_host(self._options.host).strip("[]")
        connection = http.client.HTTPConnection(host, self._port, timeout=2)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _announce(self) -> None:
        if self._stopping:
            return
        first_run = FirstRun.take(self._options.data_dir)
        if first_run is not None:
            first_run.tell(self._options.data_dir, self._base_url)
        print(f"LLM Gateway serves at {self._base_url} (admin: {self._base_url}/admin/)", flush=True)
        if self._redis is None and not self._options.redis_url:
            print("No Redis found: one API process, no Celery, counters in memory.", flush=True)
        elif self._redis is not None and self._redis.port:
            self._tell_redis(self._redis)

    def _tell_redis(self, embedded: EmbeddedRedis) -> None:
        """The loopback URL holds a password: printed to a terminal only; it stands in redis.json as well."""
        if sys.stdout.isatty():
            print(f"Redis for other services: {embedded.loopback_url}", flush=True)
        else:
            print(f"Redis for other services: see {self._options.data_dir / 'redis.json'}", flush=True)

    def _stop(self) -> None:
        # The port closes with the API, so a balancer goes elsewhere; Redis goes last, the others still need it.
        self._listener.close()
        api = [child for child in self._children if child.name.startswith("api")]
        others = [child for child in reversed(self._children) if child not in api]
        for child in api:
            child.signal_stop()
        for child in api:
            child.wait_stopped(self._options.drain_seconds + 10)
        for child in others:
            child.stop(self._options.drain_seconds + 10)
