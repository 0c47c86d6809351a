"""Summaries in the background: a Celery task of the gateway's, submitted by its name; no worker of ours is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from celery import Celery
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backoffice.models import Summary

RESULTS_LAST = timedelta(hours=1)  # in the gateway


class QueueAway(Exception):
    pass


@contextmanager
def _told() -> Iterator[None]:
    if not settings.GATEWAY_REDIS:
        raise QueueAway("There is no queue: GATEWAY_REDIS is not set.")
    try:
        yield
    except (OperationalError, RedisError) as error:
        raise QueueAway("The queue cannot be reached.") from error


@cache
def celery() -> Celery:
    app = Celery("backoffice", broker=settings.GATEWAY_REDIS, backend=settings.GATEWAY_REDIS, set_as_current=False)
    app.conf.task_serializer = "json"
    return app


def submit(text: str, *, model: str, user: str) -> Summary:
    """Returns at once. QueueAway where there is no broker."""
    body = {
        "model": model,
        "user": user,
        "messages": [
            {"role": "system", "content": "Sum up the text in three sentences."},
            {"role": "user", "content": text},
        ],
    }
    kwargs = {
        "endpoint": "chat/completions",
        "project": settings.GATEWAY_PROJECT,
        "body": body,
        "metadata": {"feature": "summary"},
    }
    with _told():
        submitted = celery().send_task("llm.generate", kwargs=kwargs, queue="llm")
    return Summary.objects.create(user=user, model=model, title=text[:80], task_id=submitted.id)


def refresh(summary: Summary) -> None:
    """Fetches the result where there is one. It is kept here: the gateway forgets it after an hour."""
    if summary.state != Summary.State.WAITING:
        return
    with _told():
        result = celery().AsyncResult(summary.task_id)
        if result.ready():
            _take(summary, result.result, failed=not result.successful())
            result.forget()
        elif timezone.now() - summary.created_at > RESULTS_LAST:
            summary.state, summary.text = Summary.State.FAILED, "There is no result any more."
            summary.save()


def _take(summary: Summary, given: Any, *, failed: bool) -> None:
    """`given` is the task's result; of one that failed or was revoked the exception, whose arguments are message, code,
    retryable. A model may also answer without a text: it refused, or was filtered."""
    if failed:
        message, code, *_ = [*given.args, "", ""]
        summary.state, summary.text = Summary.State.FAILED, f"{message} ({code})" if code else f"{message}"
    else:
        summary.state = Summary.State.DONE
        summary.text = given["response"]["choices"][0]["message"]["content"] or "The model gave no text."
        summary.cost_usd = given["gateway"]["cost_usd"]
    summary.save()
