"""Tasks of a dead worker come back; those of a slow one that lives do not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import kombu.transport
import pytest
import redis
from celery import Celery
from kombu import Consumer, Message, Queue

from gateway_project.supervisor import broker
from gateway_project.supervisor.redelivery import Redelivery
from tests.support.eventually import eventually

LEASE_SECONDS = 0.8
RENEW_SECONDS = 0.1


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as connection:
        yield connection
        connection.delete(broker.WORKERS)


@pytest.fixture
def queue() -> Queue:
    name = f"queue-{uuid.uuid4().hex}"
    return Queue(name, routing_key=name)


class Worker:
    """A worker as Redis sees it: it takes tasks and renews its lease."""

    def __init__(self, redis_url: str, family: str) -> None:
        self.app = Celery(family, broker=redis_url, set_as_current=False)
        self._life = Redelivery(self.app, family=family, lease_seconds=LEASE_SECONDS, renew_seconds=RENEW_SECONDS)
        self._life.begin()
        self.connection = self.app.connection_for_read()

    def take(self, queue: Queue, count: int = 1) -> list[Message]:
        taken: list[Message] = []
        with Consumer(self.connection, [queue], on_message=taken.append):
            while len(taken) < count:
                self.connection.drain_events(timeout=5)
        return taken

    def die(self) -> None:
        self._life.end()
        self.connection.close()


Start = Callable[[str], Worker]


@pytest.fixture
def start(redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    settings.BROKER_URL = redis_url
    for scheme in ("redis", "rediss"):  # a worker's process has this transport for good, ours has not
        monkeypatch.setitem(kombu.transport.TRANSPORT_ALIASES, scheme, kombu.transport.TRANSPORT_ALIASES[scheme])
    monkeypatch.setattr(kombu.transport, "_transport_cache", {})
    started: list[Worker] = []

    def start(family: str) -> Worker:
        started.append(Worker(redis_url, family))
        return started[-1]

    yield start
    for worker in started:
        worker.die()


def send(worker: Worker, queue: Queue, *bodies: str) -> None:
    with worker.app.connection_for_write() as connection:
        for body in bodies:
            connection.Producer().publish(body, routing_key=queue.name, declare=[queue])


def test_the_next_of_a_family_gets_the_tasks_of_a_dead_one_at_once(
    client: redis.Redis, start: Start, queue: Queue
) -> None:
    first = start("one-place")
    send(first, queue, "a", "b")
    first.take(queue, 2)
    first.die()
    second = start("one-place")
    assert sorted(message.decode() for message in second.take(queue, 2)) == ["a", "b"]
    eventually(lambda: client.scard(broker.WORKERS) == 1)


def test_others_get_them_when_its_lease_has_lapsed(client: redis.Redis, start: Start, queue: Queue) -> None:
    one, other = start("one-machine"), start("another-machine")
    send(one, queue, "a")
    one.take(queue)
    one.die()
    assert [message.decode() for message in other.take(queue)] == ["a"]
    eventually(lambda: client.scard(broker.WORKERS) == 1)


def test_a_slow_one_keeps_what_it_has(client: redis.Redis, start: Start, queue: Queue) -> None:
    slow, other = start("slow"), start("other")
    send(slow, queue, "takes long")
    (message,) = slow.take(queue)
    start("third")
    end = f"end-{queue.name}"
    client.set(end, "1", px=int(LEASE_SECONDS * 3000))
    eventually(lambda: not client.exists(end))  # the time of three leases
    assert client.llen(queue.name) == 0
    message.ack()
    send(other, queue, "next")
    assert [one.decode() for one in other.take(queue)] == ["next"]


def test_one_that_takes_a_task_after_it_was_forgotten_is_known_again(
    client: redis.Redis, start: Start, queue: Queue
) -> None:
    """A worker of a gateway that was killed may live for some seconds beside the next one of its family."""
    old, new = start("family"), start("family")
    old._life.end()
    eventually(lambda: client.scard(broker.WORKERS) == 1)
    send(new, queue, "a")
    old.take(queue)
    old.die()
    assert [message.decode() for message in new.take(queue)] == ["a"]
