"""What the Celery door asks of Celery, in blocking words. The only module that imports it.

The application here is nobody's current one, and takes nothing from the environment: a service that has a Celery of its
own (CELERY_BROKER_URL, Django's settings) keeps it apart from the gateway's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from celery import Celery
from celery.app.backends import by_url
from celery.backends.base import DisabledBackend
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerAway

from llm_gateway_client.errors import GatewayFailure

logger = logging.getLogger(__name__)

TASK: Final = "llm.generate"
PING_SECONDS: Final = 1.0
SECONDS: Final = 5.0  # to connect, and for an answer of the broker
_READY: Final = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED"})


class _Sender(Celery):  # type: ignore[misc]  # reason: Celery has no types
    """Sends only. A backend here would subscribe to every result and never read one: results are looked up.

    All its connections go to `url`: Celery would take CELERY_BROKER_URL before what it is configured with.
    """

    def __init__(self, url: str) -> None:
        super().__init__("llm-gateway-client", set_as_current=False, fixups=[])
        self.url = url

    def connection_for_write(self, url: str | None = None, heartbeat: float | None = None) -> Any:
        return super().connection_for_write(url=self.url, heartbeat=heartbeat)

    def connection_for_read(self, url: str | None = None, heartbeat: float | None = None) -> Any:
        return super().connection_for_read(url=self.url, heartbeat=heartbeat)

    def _get_backend(self) -> DisabledBackend:
        return DisabledBackend(self)


class Tasks:
    """Not for several threads at a time, but one may send while another looks up."""

    def __init__(self, broker_url: str, result_backend: str) -> None:
        self._app = _Sender(_celery_url(broker_url))
        self._app.conf.update(
            task_serializer="json",
            result_serializer="json",
            accept_content=["json"],
            redis_socket_connect_timeout=SECONDS,
            redis_socket_timeout=SECONDS,
        )
        kind, url = by_url(_celery_url(result_backend), self._app.loader)
        self._backend: Any = kind(app=self._app, url=url)

    def send(self, kwargs: dict[str, Any], *, task_id: str, queue: str, expires: float | None) -> None:
        """GatewayFailure (connection_failed) where the broker does not take it; `expires` in seconds."""
        connected = False
        try:
            with self._connection() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=SECONDS)
                _ = connection.default_channel
                connected = True
                self._app.send_task(
                    TASK,
                    kwargs=kwargs,
                    task_id=task_id,
                    queue=queue,
                    expires=expires,
                    connection=connection,
                    retry=False,
                )
        except (BrokerAway, KombuError, OSError) as error:
            raise _away(error, unsent=not connected) from error

    def results(self, task_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The finished ones: `{"status": ..., "result": ...}` as they are stored."""
        ids = list(task_ids)
        stored = self._backend.mget([self._backend.get_key_for_task(one) for one in ids])
        # Celery's own reading would look for the classes of the errors that are named there.
        found = {one: self._backend.decode(value) for one, value in zip(ids, stored, strict=True) if value}
        return {one: meta for one, meta in found.items() if meta.get("status") in _READY}

    def forget(self, task_id: str) -> None:
        """An answer that has been read need not lie in the backend any longer."""
        self._backend.forget(task_id)

    def revoke(self, task_id: str) -> None:
        """A task that has not begun will not; one that has goes on. Where the broker is away, so does it."""
        try:
            self._app.control.revoke(task_id)
        except (BrokerAway, KombuError, OSError):
            logger.warning("a task that was given up could not be revoked", exc_info=True)

    def served(self) -> bool:
        """Whether a worker answers. GatewayFailure where the broker is away."""
        connection = self._connection()
        # A ping goes round Celery's own names for errors: a Redis that is full answers with its own.
        own = connection.connection_errors + connection.channel_errors
        try:
            with connection:
                connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=SECONDS)
            return bool(self._app.control.ping(timeout=PING_SECONDS, limit=1))
        except (BrokerAway, KombuError, OSError, *own) as error:
            raise _away(error, unsent=True) from error

    def close(self) -> None:
        self._app.close()

    def _connection(self) -> Any:
        connection = self._app.connection_for_write()
        connection.transport_options = {
            **connection.transport_options,
            "max_retries": 1,
            "socket_connect_timeout": SECONDS,
            "socket_timeout": SECONDS,
        }
        return connection


def _away(error: BaseException, *, unsent: bool) -> GatewayFailure:
    """The broker's address may hold a password: only the kind of failure is told."""
    return GatewayFailure(
        f"The broker cannot be reached ({type(error).__name__}).",
        "connection_failed",
        retryable=True,
        source="client",
        should_retry=unsent,
    )


def _celery_url(url: str) -> str:
    """Celery's spelling of a Redis on a unix socket."""
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url
