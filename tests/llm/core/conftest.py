"""A client in this process, from a file, with a fake provider at the other end of a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llm.core.client import LLMGatewayClient
from llm.core.config import GatewayConfig
from llm.core.config_loader import ConfigLoader
from tests.llm.core.files import openai, yaml
from tests.support.upstream import FakeUpstream


@pytest.fixture
async def provider() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
def config(provider: FakeUpstream, tmp_path: Path) -> GatewayConfig:
    """Providers `p` (models `m` and `priced`) and `e` (an echo)."""
    file = tmp_path / "gateway.yaml"
    echo = {"provider_type": "echo", "models": {"echo": {}}}
    route = {"targets": [{"model": "p/m"}], "policy": {"retries": 0}}
    file.write_text(yaml(providers={"p": openai(provider.url), "e": echo}, routes={"once": route}))
    return ConfigLoader(file).load_config_as_object()


@pytest.fixture
async def client(config: GatewayConfig) -> AsyncIterator[LLMGatewayClient]:
    async with LLMGatewayClient(config) as made:
        yield made
