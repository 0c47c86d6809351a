"""Of several schedulers one runs: whoever holds the lock in Redis. The next takes over when it ends, or dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from gateway_project.supervisor.beat import LOCK, Beat
from tests.support.eventually import eventually

QUEUE = "of-the-beat"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        connection.delete(LOCK, QUEUE)
        yield connection
        connection.delete(LOCK, QUEUE)


@contextmanager
def beating(name: str, redis_url: str, folder: Path) -> Iterator[Beat]:
    """A scheduler that sends the task `name` several times a second."""
    app = Celery(name, broker=redis_url, set_as_current=False)
    app.conf.task_default_queue = QUEUE
    app.conf.beat_schedule = {name: {"task": name, "schedule": 0.1}}
    schedule = folder / name / "schedule"
    beat = Beat(app, redis_url=redis_url, schedule=schedule, lock_seconds=2, renew_seconds=0.1)
    beat.begin()
    try:
        yield beat
    finally:
        beat.end()
        app.close()


def sent(client: redis.Redis, name: str) -> int:
    return sum(f'"task": "{name}"'.encode() in message for message in client.lrange(QUEUE, 0, -1))


def test_one_of_two_beats_and_the_other_takes_over(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    with beating("first", redis_url, tmp_path) as first:
        eventually(lambda: sent(client, "first") > 0)
        with beating("second", redis_url, tmp_path):
            before = sent(client, "first")
            eventually(lambda: sent(client, "first") > before + 10)
            assert sent(client, "second") == 0
            first.end()
            done = sent(client, "first")
            eventually(lambda: sent(client, "second") > 5)
            assert sent(client, "first") == done


def test_the_lock_of_a_dead_one_lapses(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    assert client.lock(LOCK, timeout=1).acquire(blocking=False)  # and its holder is killed
    with beating("next", redis_url, tmp_path):
        eventually(lambda: sent(client, "next") > 0)


def test_who_has_lost_the_lock_stops(client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    with beating("one", redis_url, tmp_path):
        eventually(lambda: sent(client, "one") > 0)
        client.set(LOCK, "another's", px=60_000)
        eventually(lambda: _quiet(client, "one"))
        client.delete(LOCK)
        before = sent(client, "one")
        eventually(lambda: sent(client, "one") > before)


def _quiet(client: redis.Redis, name: str) -> bool:
    """Nothing is sent in the time of ten beats."""
    before = sent(client, name)
    client.blpop(["nobody-writes-here"], timeout=1)
    return sent(client, name) == before
