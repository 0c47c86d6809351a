"""Tasks that a dead worker had taken go back to the queue within seconds.

Celery's Redis transport keeps what is taken and not done in one place for all workers, and gives it back after an hour:
it cannot tell a slow worker from a dead one. Here each worker keeps a place of its own and a lease; where the lease has
lapsed, the others put the tasks back. Other brokers notice a lost connection by themselves.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, Final

import redis
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

from gateway_project.supervisor import broker

log = logging.getLogger(__name__)
LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 4.0
MOST_CONNECTIONS: Final = 500  # to the broker: tasks may all end, and be acknowledged, at the same moment
# Only while it holds nothing: what it takes after that makes it known again.
_FORGET: Final = """
if redis.call('HLEN', KEYS[1]) > 0 then return 0 end
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
"""


def applies(broker_url: str) -> bool:
    return broker_url.startswith(("redis", "rediss", "unix"))


class Redelivery:
    """`family` names the place where at most one worker runs at a time: an earlier one of the family is dead for sure,
    and its tasks are put back at once."""

    def __init__(
        self, app: Celery, *, family: str, lease_seconds: float = LEASE_SECONDS, renew_seconds: float = RENEW_SECONDS
    ) -> None:
        self._app = app
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds
        self._family = family
        self._name = f"{family}:{os.getpid()}:{os.urandom(4).hex()}"
        self._client = redis.Redis.from_url(settings.BROKER_URL, socket_timeout=5, decode_responses=True)
        self._stop = threading.Event()
        self._suspects: set[str] = set()

    def begin(self) -> None:
        if self._knows_blmove():
            broker.install()
        else:
            log.warning("the broker is older than Redis 6.2: a task that is taken while it is killed may be lost")
        self._app.conf.broker_transport_options = {
            **self._app.conf.broker_transport_options,
            **_places(self._name),
            "worker": self._name,
            "max_connections": MOST_CONNECTIONS,
        }
        threading.Thread(target=self._run, name="redelivery", daemon=True).start()

    def end(self) -> None:
        """Renews no more; what this worker still holds is given to others soon."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._renew()
                self._sweep()
            except (redis.RedisError, OperationalError, OSError):
                log.warning("the broker is away; leases are renewed when it is back")
                self._suspects.clear()
            self._stop.wait(self._renew_seconds)

    def _knows_blmove(self) -> bool:
        """A broker that is away, or does not tell its version, is thought to."""
        try:
            version = str(self._client.info("server")["redis_version"])
            return tuple(int(part) for part in version.split(".")[:2]) >= broker.OLDEST
        except (redis.RedisError, OSError, KeyError, ValueError):
            return True

    def _renew(self) -> None:
        self._client.set(_lease(self._name), "1", px=int(self._lease_seconds * 1000))
        self._client.sadd(broker.WORKERS, self._name)

    def _sweep(self) -> None:
        """Seen without a lease twice in a row: after a pause of the broker the living renew in between."""
        others: set[str] = set(self._client.smembers(broker.WORKERS)) - {self._name}
        forerunners = {name for name in others if name.startswith(f"{self._family}:")}
        lapsed = {name for name in others - forerunners if not self._client.exists(_lease(name))}
        for name in forerunners | (lapsed & self._suspects):
            self._put_back(name)
        self._suspects = lapsed

    def _put_back(self, name: str) -> None:
        places = _places(name)
        unacked = places["unacked_key"]
        with self._app.connection_for_write(transport_options=places) as connection:
            qos = connection.default_channel.qos
            for tag in self._client.hkeys(unacked):
                qos.restore_by_tag(tag)
        if self._client.eval(_FORGET, 3, unacked, broker.WORKERS, _lease(name), name):
            log.info("a worker has ended; its tasks are in the queue again", extra={"worker": name})


def _lease(name: str) -> str:
    return f"llm_gateway:worker:{name}"


def _places(name: str) -> dict[str, Any]:
    place = f"llm_gateway:unacked:{name}"
    return {"unacked_key": place, "unacked_index_key": f"{place}:index", "unacked_mutex_key": f"{place}:mutex"}
