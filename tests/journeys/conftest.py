"""One gateway and one fake provider for all journeys; those that stop or break a gateway start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import GatewayProcess, free_port
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), REDIS_PORT=str(free_port())) as process:
        yield process


@pytest.fixture(scope="session")
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread() as server:
        yield server


@pytest.fixture(scope="session")
def providers(gateway: GatewayProcess, upstream: ThreadedUpstream) -> list[str]:
    """A provider of each dialect, both behind the fake upstream, with model `m`; made by REST."""
    bases = {"openai": f"{upstream.url}/v1", "anthropic": upstream.url}
    for kind, base in bases.items():
        body = {
            "provider_id": f"{kind}-fake",
            "display_name": kind,
            "provider_type": kind,
            "connection_params": {"api_base": base},
            "models": [{"model_id": "m"}],
            "api_key": {"key_value": "sk-test"},
        }
        answer = gateway.rest("POST", "/providers", json=body)
        assert answer.status_code == 201, answer.text
    return [f"{kind}-fake/m" for kind in bases]
