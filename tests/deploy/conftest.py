from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.machines import Machines, new_database, new_redis, running
from tests.support.gateway import GatewayProcess


@pytest.fixture(scope="session")
def machines(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Both serve. A test that stops one takes `breakable_machines`."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    with (
        new_redis() as queue,
        new_database(postgres_url) as database,
        running(first, second, database=database, queue=queue) as found,
    ):
        yield found


@pytest.fixture
def breakable_machines(machines: Machines) -> Iterator[Machines]:
    """The same; what a test stops is started again after it."""
    yield machines
    machines.start_stopped()


@pytest.fixture(scope="session")
def gateway_machine(machines: Machines) -> GatewayProcess:
    """Any one of them."""
    return machines.first
