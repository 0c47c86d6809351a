"""One gateway with its worker, and one fake provider, for all tests of the client that need a whole one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from llm_gateway_client.client import Client
from tests.llm_gateway_client import ways
from tests.llm_gateway_client.ways import Setting, Way
from tests.support.gateway import GatewayProcess, free_port
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), REDIS_PORT=str(free_port())) as process:
        yield process


@pytest.fixture(scope="session")
def setting(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with FakeUpstream.in_thread() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ways.KEY_VARIABLE, ways.KEY)
        yield ways.configure(gateway, server, tmp_path_factory.mktemp("local") / "gateway_config.yaml")


@pytest.fixture
def upstream(setting: Setting) -> Iterator[ThreadedUpstream]:
    """The one behind the provider `fake`, with nothing scripted."""
    yield setting.upstream
    setting.upstream.default = None
    assert setting.upstream.server.unused == 0


@pytest.fixture(params=ways.WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
async def client(way: Way, setting: Setting) -> AsyncIterator[Client]:
    async with way.client(setting) as made:
        yield made
