"""The Celery application. JSON only; results expire after one hour; a task whose worker dies is delivered again."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any

from celery import Celery, signals
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")


def celery_url(url: str) -> str:
    """Celery's spelling of a Redis URL: unix:///path is redis+socket:///path there."""
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def forget_foreign_settings(environ: MutableMapping[str, str]) -> None:
    """Celery prefers these to what is configured. Where another program's are set, our worker would wait at its
    broker for ever: the gateway's own is LLM_GATEWAY_BROKER_URL."""
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND"):
        environ.pop(name, None)


def make_app() -> Celery:
    import django
    from django.conf import settings

    django.setup()
    from gateway_project import wiring

    forget_foreign_settings(os.environ)
    celery = Celery("llm_gateway", include=["llm.tasks", "gateway_project.tasks"])
    celery.conf.update(
        broker_url=celery_url(settings.BROKER_URL) or None,
        result_backend=celery_url(settings.REDIS_URL) or None,
        result_expires=3600,
        # A task that ends while Redis is away waits for it: else its answer would be lost, and the task failed.
        result_backend_always_retry=True,
        result_backend_max_sleep_between_retries_ms=1000,
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_default_queue="llm",
        task_routes={"llm.*": {"queue": "llm"}},
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_log_color=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker that is away is waited for, however long
        beat_schedule={"clear-sessions": {"task": "gateway.clear_sessions", "schedule": crontab(hour=3, minute=17)}},
    )
    wiring.install()
    return celery


app = make_app()


@signals.worker_shutdown.connect
def _stop_runtime(**_: Any) -> None:
    from gateway_project import wiring

    wiring.runtime().stop()
