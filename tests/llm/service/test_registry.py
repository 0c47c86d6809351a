"""One Gateway per process: made on first use, and again after a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from llm import service
from llm.errors import GatewayUnavailable
from llm.observe.spool import MemorySink
from llm.service import Gateway, registry
from tests.llm.service.scripted import ScriptedAdapter, gateway
from tests.llm.service.snapshots import snapshot


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = registry._registry
    yield
    registry._registry = before


def made() -> Gateway:
    return gateway(snapshot(), MemorySink(), ScriptedAdapter())


def test_it_is_made_once_on_first_use() -> None:
    count: list[Gateway] = []

    def factory() -> Gateway:
        count.append(made())
        return count[-1]

    service.install(factory)
    assert not count and registry.made() is None
    assert service.current() is service.current() is count[0] is registry.made()
    assert len(count) == 1


def test_nothing_installed_is_said() -> None:
    registry._registry = registry._Registry(None)
    with pytest.raises(GatewayUnavailable):
        service.current()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_makes_its_own() -> None:
    service.install(made)
    before = service.current()
    child = os.fork()
    if child == 0:
        os._exit(0 if service.current() is not before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert service.current() is before
