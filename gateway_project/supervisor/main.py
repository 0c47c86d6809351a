"""The parent process of `manage.py run_api`."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from audit import ingest
from gateway_project.supervisor import probe, sockets
from gateway_project.supervisor.child import Child
from gateway_project.supervisor.embedded_redis import EmbeddedRedis, NotStarted, find_binary
from gateway_project.supervisor.first_run import FirstRun
from gateway_project.supervisor.port import reachable_host
from gateway_project.supervisor.process import GRACE_SECONDS

log = logging.getLogger(__name__)
TEND_SECONDS = 0.1
READY_SECONDS = 60.0
STOP_SECONDS = 10
# For glibc in a data worker: what bodies have used is not given back to the system after each of them, to be asked for
# again by the next (a seventh of what a call of 100 KB costs).
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024), "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024)}


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
        self._control = sockets.folder(options.data_dir) / "control.sock"
        self._redis: EmbeddedRedis | None = None
        self._children: list[Child] = []
        self._stopping = False

    def run(self) -> None:
        """Returns when the gateway was told to stop and no child is left."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            env = self._start_redis(dict(os.environ))
            self._start_data_workers(env)
            self._start("control", env, ["--socket", str(self._control)])
            self._wait_ready()
            # After the others: it needs a processor for seconds, and nobody waits for it.
            self._start_worker(env)
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
        child = self._add(Child("redis", embedded.command(), env=env))
        try:
            embedded.wait_ready(child.alive)
        except NotStarted as error:
            sys.exit(str(error))
        embedded.write_address()
        self._redis = embedded
        return {**env, "LLM_GATEWAY_REDIS_URL": embedded.url}

    def _start_worker(self, env: dict[str, str]) -> None:
        if not self._stopping and (env.get("LLM_GATEWAY_BROKER_URL") or env.get("LLM_GATEWAY_REDIS_URL")):
            self._start("worker", env, [])

    def _start_data_workers(self, env: dict[str, str]) -> None:
        workers = self._options.workers
        if workers > 1 and not env.get("LLM_GATEWAY_REDIS_URL"):
            sys.exit(f"{workers} data workers need Redis; without it one is run (LLM_GATEWAY_WORKERS, --workers).")
        descriptor = self._listener.fileno()
        arguments = ["--fd", str(descriptor), "--control", str(self._control)]
        for number in range(workers):
            self._start("data", {**MEMORY, **env}, arguments, name=f"data-{number}", keep=[descriptor])

    def _start(
        self, module: str, env: dict[str, str], arguments: list[str], *, name: str = "", keep: list[int] | None = None
    ) -> None:
        common = ["--parent", str(os.getpid()), "--drain-seconds", str(self._options.drain_seconds)]
        command = [sys.executable, "-m", f"gateway_project.supervisor.{module}", *common, *arguments]
        self._add(Child(name or module, command, env=env, keep=keep or []))

    def _add(self, child: Child) -> Child:
        child.start()
        self._children.append(child)
        return child

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
        return probe.port_ready(self._options.host, self._port) and probe.control_answers(self._control)

    def _announce(self) -> None:
        if self._stopping:
            return
        first_run = FirstRun.take(self._options.data_dir)
        if first_run is not None:
            first_run.tell(self._options.data_dir, self._base_url)
        print(f"LLM Gateway serves at {self._base_url} (admin: {self._base_url}/admin/)", flush=True)
        if self._redis is None and not self._options.redis_url:
            print("No Redis found: one data worker, no Celery, counters in memory.", flush=True)
        elif self._redis is not None and self._redis.port:
            self._tell_redis(self._redis)

    def _tell_redis(self, embedded: EmbeddedRedis) -> None:
        """The loopback URL holds a password: printed to a terminal only; it stands in redis.json as well."""
        if sys.stdout.isatty():
            print(f"Redis for other services: {embedded.loopback_url}", flush=True)
        else:
            print(f"Redis for other services: see {self._options.data_dir / 'redis.json'}", flush=True)

    def _stop(self) -> None:
        """In this order: calls end first, what they need goes later, and Redis last."""
        data = [child for child in self._children if child.name.startswith("data")]
        for child in data:
            child.signal_stop()
        if any(child.alive() for child in data):
            time.sleep(min(GRACE_SECONDS, self._options.drain_seconds))  # /ready says no before the port closes
        self._listener.close()
        for child in data:
            child.wait_stopped(self._options.drain_seconds + STOP_SECONDS)
        self._stop_child("control", STOP_SECONDS)
        self._stop_child("worker", self._options.drain_seconds + STOP_SECONDS)
        self._ingest_rest()
        self._stop_child("redis", STOP_SECONDS)
        sockets.remove(self._options.data_dir)

    def _stop_child(self, name: str, seconds: float) -> None:
        for child in self._children:
            if child.name == name:
                child.stop(seconds)

    def _ingest_rest(self) -> None:
        """The worker's last tasks ended after the control process, which ingests."""
        spool = self._options.data_dir / "spool"
        try:
            if ingest.waiting(spool):
                ingest.Ingester(spool).drain()
        except Exception:  # reason: the end of everything; whatever the database has, the records wait in the spool
            log.exception("the last calls could not be ingested; they wait in the spool")
