"""The worker's way to Redis: a task is taken and noted in one step, and outlives every connection."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from celery.worker import state
from kombu import Connection, Consumer, Message, Queue

from gateway_project.supervisor import broker
from tests.support.eventually import eventually

Open = Callable[[], Connection]


@dataclass(eq=False)
class Running:
    """What Celery keeps of a task that runs, as far as it matters here."""

    message: Message


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as connection:
        yield connection


@pytest.fixture
def queue() -> Queue:
    name = f"queue-{uuid.uuid4().hex}"
    return Queue(name, routing_key=name)


@pytest.fixture
def place(queue: Queue) -> dict[str, Any]:
    """Where one worker keeps what it has taken."""
    key = f"unacked-{queue.name}"
    return {"unacked_key": key, "unacked_index_key": f"{key}:index", "unacked_mutex_key": f"{key}:mutex"}


@pytest.fixture
def connect(redis_url: str, place: dict[str, Any]) -> Iterator[Open]:
    opened: list[Connection] = []

    def connect() -> Connection:
        options = {**place, "worker": place["unacked_key"]}
        opened.append(Connection(redis_url, transport=broker.Transport, transport_options=options))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def send(connection: Connection, queue: Queue, *bodies: str, priority: int = 0) -> None:
    producer = connection.Producer()
    for body in bodies:
        producer.publish(body, routing_key=queue.name, declare=[queue], priority=priority)


def take(connection: Connection, queue: Queue, count: int, *, seconds: float = 5) -> list[Message]:
    """So many messages, unacknowledged."""
    taken: list[Message] = []
    with Consumer(connection, [queue], on_message=taken.append):
        while len(taken) < count:
            connection.drain_events(timeout=seconds)
    return taken


def bodies(messages: list[Message]) -> list[str]:
    return [message.decode() for message in messages]


def test_what_is_taken_is_noted_until_it_is_acknowledged(
    client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any]
) -> None:
    connection = connect()
    send(connection, queue, "one", "two")
    first, second = take(connection, queue, 2)
    assert bodies([first, second]) == ["one", "two"]
    assert client.llen(queue.name) == 0
    assert set(client.hkeys(place["unacked_key"])) == {first.delivery_tag, second.delivery_tag}
    assert client.sismember(broker.WORKERS, place["unacked_key"])
    first.ack()
    assert client.hkeys(place["unacked_key"]) == client.zrange(place["unacked_index_key"], 0, -1)
    assert client.hkeys(place["unacked_key"]) == [second.delivery_tag]


def test_what_waits_stays_in_the_queue_until_it_is_noted(
    client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any]
) -> None:
    """A consumer that dies between hearing of a task and taking it has not touched it."""
    connection = connect()
    send(connection, queue, "one")
    channel = connection.default_channel
    channel.basic_consume(queue.name, no_ack=False, callback=lambda _: None, consumer_tag="tag")
    connection.transport.cycle.on_poll_start()
    assert eventually(lambda: channel.client.connection.can_read(timeout=0))
    assert (client.llen(queue.name), client.hlen(place["unacked_key"])) == (1, 0)


def test_it_is_acknowledged_after_its_connection_was_lost(
    client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any]
) -> None:
    connection = connect()
    send(connection, queue, "one")
    (message,) = take(connection, queue, 1)
    client.client_kill_filter(_type="normal", skipme=True)
    connection.collect()
    connection.close()
    assert client.hlen(place["unacked_key"]) == 1  # nobody gave it back
    message.ack()
    assert (client.hlen(place["unacked_key"]), client.llen(queue.name)) == (0, 0)


def test_the_next_connection_puts_back_what_does_not_run(
    client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any]
) -> None:
    connection = connect()
    send(connection, queue, "runs", "was never begun")
    runs, _ = take(connection, queue, 2)
    request = Running(runs)
    state.active_requests.add(request)
    connection.close()
    again = take(connect(), queue, 1)
    assert bodies(again) == ["was never begun"]
    assert again[0].headers["redelivered"] is True
    runs.ack()
    again[0].ack()
    assert (client.hlen(place["unacked_key"]), client.llen(queue.name)) == (0, 0)


def test_priorities_are_kept(connect: Open, queue: Queue) -> None:
    connection = connect()
    send(connection, queue, "can wait", priority=9)
    assert bodies(take(connection, queue, 1)) == ["can wait"]
    send(connection, queue, "later", priority=6)
    send(connection, queue, "now", priority=0)
    assert bodies(take(connection, queue, 2)) == ["now", "later"]


@pytest.mark.parametrize("garbage", ["garbage", "[]", '"text"', '{"properties": 7}', '{"properties": {}}', "[" * 5000])
def test_what_is_no_task_does_not_stand_in_the_way(
    client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any], garbage: str
) -> None:
    connection = connect()
    client.lpush(queue.name, garbage)
    send(connection, queue, "a task")
    assert bodies(take(connection, queue, 1)) == ["a task"]
    assert (client.llen(queue.name), client.hlen(place["unacked_key"])) == (0, 1)


def test_any_text_comes_through(client: redis.Redis, connect: Open, queue: Queue, place: dict[str, Any]) -> None:
    """The note is written by a script in Redis: it must be what was sent, to the byte."""
    text = 'quotes " and \\ and \n \u0000 \U0001f600 </script> [] {} null 1e400'
    connection = connect()
    send(connection, queue, text)
    take(connection, queue, 1)
    connection.close()
    assert bodies(take(connect(), queue, 1)) == [text]
