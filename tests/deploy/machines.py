"""Two machines of one gateway, as in production: one PostgreSQL, one Redis, a data folder each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import redis
from tests.support.gateway import PROJECT_KEY, GatewayProcess, manage
from tests.support.gateway_processes import gone

METRICS_TOKEN = "metrics-token-of-the-suite-0123456789"
# The promise is "within a second", and measured where nothing else runs (tests/gateway_project/test_watch.py). Here two
# whole gateways share two cores with other tests.
SOON = 5.0


@dataclass(frozen=True)
class Machines:
    """`first` and `second` serve; `database` and `redis` are the URLs that they share."""

    first: GatewayProcess
    second: GatewayProcess
    database: str
    redis: str

    def __iter__(self) -> Iterator[GatewayProcess]:
        return iter((self.first, self.second))

    def start_stopped(self) -> None:
        """Those that a test has stopped serve again, each at a new port."""
        for machine in self:
            if gone(machine.pid):
                machine.start()


@contextmanager
def new_redis() -> Iterator[str]:
    """The URL of a Redis that these machines share with none of the other tests: its queue is theirs alone."""
    try:
        with redis.server() as url:
            yield url
    except redis.NotAvailable as error:
        pytest.skip(f"not available: {error}")


@contextmanager
def new_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database in that server; it is gone at the end."""
    name = f"deploy_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(first: Path, second: Path, *, database: str, queue: str, **more: str) -> Iterator[Machines]:
    """`init_db` runs once, before both; each has the same environment but for its folder. `more` are variables as of
    GatewayProcess."""
    values = {
        "ENV": "production",
        "ENCRYPTION_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "127.0.0.1,gateway.example.com",
        "METRICS_TOKEN": METRICS_TOKEN,
        "TRUSTED_PROXIES": "127.0.0.1",
        "DATABASE_URL": database,
        "REDIS_URL": queue,
        **more,
    }
    machines = Machines(GatewayProcess(first, **values), GatewayProcess(second, **values), database, queue)
    made = manage(machines.first.environment, "init_db", "--sync")
    assert made.returncode == 0, made.stderr
    started: list[GatewayProcess] = []
    try:
        for machine in machines:
            started.append(machine)
            machine.start()
        yield machines
    finally:
        for machine in started:
            machine.stop()


def answers(machine: GatewayProcess, model: str, status: int, *, key: str = PROJECT_KEY) -> bool:
    return machine.chat(model, key=key).status_code == status
