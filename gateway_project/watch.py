"""The revision watch: a thread that swaps in a new snapshot when the revision moves.

Redis pub/sub wakes it at once; without Redis, or while it is down, a cheap query finds the change in less than half a
second. A configuration that does not build keeps the old one. While the database is down the last snapshot serves on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from django.db import close_old_connections, connections

from audit.bus import CHANNEL
from llm.observe import metrics
from llm.snapshot import Holder, Snapshot

log = logging.getLogger(__name__)
POLL_SECONDS = 0.4
RETRY_SECONDS = 5.0


class RevisionWatch:
    """`load` builds a snapshot, `revision` reads the newest revision, and `follow` comes after it each time, for what
    is read along with it. `failed_revision` is one that did not build."""

    def __init__(
        self,
        *,
        load: Callable[[], Snapshot],
        revision: Callable[[], int],
        holder: Holder,
        follow: Callable[[], None] = lambda: None,
        redis_url: str = "",
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._load = load
        self._revision = revision
        self._holder = holder
        self._follow = follow
        self._bell = _Bell(redis_url) if redis_url else None
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._loaded = threading.Event()
        self._thread: threading.Thread | None = None
        self._retry_at = 0.0
        self.failed_revision: int | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="revision-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def wait_loaded(self, seconds: float) -> bool:
        """True once a first snapshot serves."""
        return self._loaded.wait(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.check()
            except Exception:  # reason: top of a loop; the database may be away, the watch goes on
                log.exception("the revision could not be read; the last configuration serves on")
            self._wait()
        if self._bell is not None:
            self._bell.close()
        connections.close_all()

    def check(self) -> None:
        """Swaps in a new snapshot if the revision moved since the last one."""
        close_old_connections()
        revision = self._revision()
        self._listen()
        if self._holder.ready and self._holder.current.revision == revision:
            self.failed_revision = None
            metrics.configured(revision)
            return
        if revision == self.failed_revision and time.monotonic() < self._retry_at:
            return
        self._build(revision)

    def _listen(self) -> None:
        try:
            self._follow()
        except Exception:  # reason: an order that cannot be followed must not keep a new configuration out
            log.exception("orders about health could not be followed; it is tried again")

    def _build(self, revision: int) -> None:
        try:
            snapshot = self._load()
        except Exception:  # reason: whatever is wrong with a configuration, the old one serves on
            self.failed_revision = revision
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.exception("the configuration does not build; the old one serves on", extra={"revision": revision})
            return
        self._holder.swap(snapshot)
        self.failed_revision = None
        self._loaded.set()
        metrics.configured(snapshot.revision)
        log.info("configuration swapped", extra={"revision": snapshot.revision})

    def _wait(self) -> None:
        if self._bell is None:
            self._stop.wait(self._poll_seconds)
        else:
            self._bell.wait(self._poll_seconds)


class _Bell:
    """Redis pub/sub as a wait that can be cut short. A Redis that is down makes it a plain wait."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pubsub: Any = None

    def wait(self, seconds: float) -> None:
        """Returns when a new revision is announced, or after `seconds`."""
        try:
            self._message(seconds)
        except (redis.RedisError, OSError):
            self.close()
            time.sleep(seconds)

    def _message(self, seconds: float) -> Any:
        if self._pubsub is None:
            client = redis.Redis.from_url(self._url, socket_connect_timeout=2)
            self._pubsub = client.pubsub(ignore_subscribe_messages=True)
            self._pubsub.subscribe(CHANNEL)
        return self._pubsub.get_message(timeout=seconds)

    def close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None
