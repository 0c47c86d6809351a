"""Celery's scheduler in a thread of every worker; a lock in Redis lets one of them run, over all machines."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

import redis
from celery import Celery
from celery.beat import Service

log = logging.getLogger(__name__)
LOCK: Final = "llm_gateway:beat"
LOCK_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 8.0
TICK_SECONDS: Final = 1


class Beat:
    """`schedule` is the file where the scheduler keeps what ran last. Who holds the lock renews it every so many
    seconds; of one that died it lapses."""

    def __init__(
        self,
        app: Celery,
        *,
        redis_url: str,
        schedule: Path,
        lock_seconds: float = LOCK_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self._app = app
        self._lock_seconds = lock_seconds
        self._renew_seconds = renew_seconds
        self._schedule = schedule
        self._client = redis.Redis.from_url(redis_url, socket_timeout=5)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """The next machine may beat at once."""
        self._stop.set()
        self._thread.join(TICK_SECONDS + 2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                lock = self._client.lock(LOCK, timeout=self._lock_seconds)
                if lock.acquire(blocking=False):
                    self._hold(lock)
            except (redis.RedisError, OSError):
                log.warning("beat has lost its lock, or Redis; it tries again")
            self._stop.wait(self._renew_seconds)

    def _hold(self, lock: redis.lock.Lock) -> None:
        """Beats until told to stop, or until the lock cannot be renewed."""
        self._schedule.parent.mkdir(parents=True, exist_ok=True)
        service = Service(self._app, max_interval=TICK_SECONDS, schedule_filename=str(self._schedule))
        beating = threading.Thread(target=service.start, name="beat-ticks", daemon=True)
        beating.start()
        log.info("beat runs here")
        try:
            while not self._stop.wait(self._renew_seconds) and beating.is_alive():
                lock.reacquire()
        finally:
            service.stop()
            beating.join(TICK_SECONDS + 1)
        lock.release()  # only now: two must never beat at once
