"""The composition root: here the planes meet.

`load()` reads the configuration of one revision; `Runtime` is what a process needs to serve calls: the snapshot and
its watch, the board of health, the spool and its ingester, the prober, the transport, the Gateway. One Runtime per
process (`runtime()`); `install` says whether the spool is ingested in it, and providers probed.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections

from access.services import note_key_use as note_project_key_use
from access.snapshot_part import snapshot_part as callers_part
from audit import history
from audit.ingest import Ingester
from gateway_project.health_watch import HealthWatch
from gateway_project.prober import Prober
from gateway_project.shared_health import share_of
from gateway_project.watch import RevisionWatch
from llm import service
from llm.observe import metrics
from llm.observe.record import CallRecord
from llm.observe.spool import Spool, troubles
from llm.policies.board import Board
from llm.service import Gateway
from llm.snapshot import Holder, Snapshot
from llm.transport.choice import ChosenTransport
from providers.services.key_use import note_key_use as note_provider_key_use
from providers.snapshot_part import snapshot_part as providers_part

log = logging.getLogger(__name__)
_LOAD_TRIES = 10


def load() -> Snapshot:
    """The configuration as of one revision.

    The parts are read in several queries; a change that commits between them would give a mixture. So the revision is
    read before and after, and the reading repeated where it moved. No transaction: on SQLite ours lock for writing.
    """
    for _ in range(_LOAD_TRIES):
        revision = history.revision()
        snapshot = Snapshot(
            revision=revision,
            environment=settings.GATEWAY_ENV,
            providers=providers_part(environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS),
            callers=callers_part(environment=settings.GATEWAY_ENV),
        )
        if history.revision() == revision:
            return snapshot
    log.warning("the configuration changes faster than it is read", extra={"revision": revision})
    return snapshot


def spool_directory() -> Path:
    return Path(settings.DATA_DIR) / "spool"


def note_use(records: Sequence[CallRecord]) -> None:
    """What a batch of finished calls tells the control plane."""
    note_project_key_use(records)
    note_provider_key_use(records)


class Runtime:
    """Everything that one process needs to serve calls. `start()` begins its threads, `stop()` ends them. `ingest`:
    with the spool's ingester and the prober."""

    def __init__(self, *, ingest: bool = True) -> None:
        metrics.open(Path(settings.DATA_DIR) / "metrics")
        self.holder = Holder()
        self.spool = Spool(
            spool_directory(), max_bytes=settings.SPOOL_MAX_MB * 1024 * 1024, required=settings.RECORD_REQUIRED
        )
        self.transport = ChosenTransport()
        self.board = Board(self.spool.tell)
        self._share = share_of(self.board, settings.REDIS_URL) if settings.REDIS_URL else None
        self.gateway = Gateway(holder=self.holder, sink=self.spool, transport=self.transport, board=self.board)
        health = HealthWatch(self.board)
        self.watch = RevisionWatch(
            load=load,
            revision=health.revision,
            follow=health.follow,
            holder=self.holder,
            redis_url=settings.REDIS_URL,
        )
        self.ingester = Ingester(spool_directory(), on_batch=note_use) if ingest else None
        self.prober = Prober(self.gateway) if ingest else None
        self._stop = threading.Event()
        self._ingest_thread: threading.Thread | None = None

    def start(self) -> None:
        if self._share is not None:
            self._share.start()
        self.watch.start()
        if self.prober is not None:
            self.prober.start()
        if self.ingester is None:
            return
        self._ingest_thread = threading.Thread(
            target=self.ingester.run, args=(self._stop,), name="spool-ingest", daemon=True
        )
        self._ingest_thread.start()

    def readiness(self) -> list[str]:
        """Names of what is not ready, beside the configuration."""
        return []

    def modes(self) -> dict[str, str]:
        """What this process runs with: told on /ready."""
        modes = {"redis": "on" if settings.REDIS_URL else "off: one process, no Celery"}
        if self.watch.failed_revision is not None:
            modes["configuration"] = f"revision {self.watch.failed_revision} does not build; the last good one serves"
        return {**modes, **troubles(self.spool)}

    def stop(self) -> None:
        """Ends the threads; the records of finished calls are in the database or in the spool afterwards."""
        self.watch.stop()
        if self.prober is not None:
            self.prober.stop()
        if self._share is not None:
            self._share.stop()
        self._stop.set()
        if self._ingest_thread is not None:
            self._ingest_thread.join(timeout=10)
        self.spool.close()
        close_old_connections()


_runtime: Runtime | None = None
_owner = 0
_ingest = True
_lock = threading.Lock()


def runtime() -> Runtime:
    """This process's Runtime, started; a new one after a fork."""
    global _runtime, _owner
    with _lock:
        if _runtime is None or _owner != os.getpid():
            _runtime, _owner = Runtime(ingest=_ingest), os.getpid()
            _runtime.start()
        return _runtime


def forget_runtime() -> None:
    """After `stop()`: the next `runtime()` makes a new one (tests, reloads)."""
    global _runtime
    with _lock:
        _runtime = None


def gateway(*, wait_seconds: float = 10.0) -> Gateway:
    """The Gateway of this process, with a configuration: waits for the first one."""
    current = runtime()
    current.watch.wait_loaded(wait_seconds)
    return current.gateway


def install(factory: Callable[[], Gateway] = gateway, *, ingest: bool = True) -> None:
    """Tells the floors below (Celery tasks) where their Gateway comes from; `ingest`: is the spool emptied by this
    process? Of several on one data folder only one at a time does it."""
    global _ingest
    _ingest = ingest
    service.install(factory)
