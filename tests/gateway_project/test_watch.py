"""The revision watch: a change serves within a second, at once with Redis; a broken configuration keeps the old one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from audit.bus import CHANNEL
from gateway_project.watch import RevisionWatch
from llm.snapshot import CallersPart, Holder, ProvidersPart, Snapshot
from tests.support.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)  # the watch closes the thread's database connections


def snapshot(revision: int) -> Snapshot:
    return Snapshot(revision, "development", ProvidersPart({}, {}, {}), CallersPart({}, {}))


class Configuration(SimpleNamespace):
    """A database of one number. `broken` holds revisions that do not build, `away` says that it does not answer."""

    revision = 1
    away = False
    broken: frozenset[int] = frozenset()

    def read(self) -> int:
        if self.away:
            raise OSError("the database is away")
        return self.revision

    def load(self) -> Snapshot:
        if self.revision in self.broken:
            raise ValueError("does not build")
        return snapshot(self.read())


@contextmanager
def watching(configuration: Configuration, **options: Any) -> Iterator[tuple[RevisionWatch, Holder]]:
    holder = Holder()
    watch = RevisionWatch(load=configuration.load, revision=configuration.read, holder=holder, **options)
    watch.start()
    try:
        assert watch.wait_loaded(10)
        yield watch, holder
    finally:
        watch.stop()


def test_a_change_serves_within_a_second_without_redis() -> None:
    configuration = Configuration()
    with watching(configuration) as (_, holder):
        configuration.revision = 2
        eventually(lambda: holder.current.revision == 2, seconds=1)


def test_redis_announces_a_change_at_once(redis_url: str) -> None:
    configuration = Configuration()
    client = redis.Redis.from_url(redis_url)
    with watching(configuration, redis_url=redis_url, poll_seconds=60) as (_, holder):
        eventually(lambda: client.pubsub_numsub(CHANNEL)[0][1])
        configuration.revision = 2
        client.publish(CHANNEL, 2)
        eventually(lambda: holder.current.revision == 2, seconds=1)
        configuration.revision = 3
        client.publish(CHANNEL, 3)  # also ends the wait of 60 s for stop()
        eventually(lambda: holder.current.revision == 3, seconds=1)
        client.publish(CHANNEL, 3)


def test_redis_that_is_down_only_delays(tmp_path: Any) -> None:
    configuration = Configuration()
    with watching(configuration, redis_url=f"unix://{tmp_path}/none.sock") as (_, holder):
        configuration.revision = 2
        eventually(lambda: holder.current.revision == 2, seconds=2)


def test_a_configuration_that_does_not_build_keeps_the_old_one() -> None:
    configuration = Configuration(broken=frozenset({2}))
    with watching(configuration, poll_seconds=0.01) as (watch, holder):
        configuration.revision = 2
        eventually(lambda: watch.failed_revision == 2)
        assert holder.current.revision == 1
        configuration.revision = 3
        eventually(lambda: holder.current.revision == 3)
        assert watch.failed_revision is None


def test_the_last_configuration_serves_while_the_database_is_away() -> None:
    configuration = Configuration()
    with watching(configuration, poll_seconds=0.01) as (_, holder):
        configuration.away = True
        configuration.revision = 2
        configuration.away = False
        eventually(lambda: holder.current.revision == 2)


def test_a_fresh_process_waits_for_the_database() -> None:
    configuration = Configuration(away=True)
    holder = Holder()
    watch = RevisionWatch(load=configuration.load, revision=configuration.read, holder=holder, poll_seconds=0.01)
    watch.start()
    assert not watch.wait_loaded(0.1)
    assert not holder.ready
    configuration.away = False
    assert watch.wait_loaded(5)
    watch.stop()
