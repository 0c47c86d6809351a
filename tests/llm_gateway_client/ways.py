"""The ways to one gateway, for tests that go over all of them: a row here is all that a way needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llm.core.client import LLMGatewayClient as LocalClient
from llm.core.config_loader import ConfigLoader
from llm.core.factory import ProviderFactory
from llm_gateway_client import LLMGatewayClient
from llm_gateway_client.client import Client
from tests.support.gateway import PROJECT_KEY, GatewayProcess
from tests.support.upstream_thread import ThreadedUpstream

KEY_VARIABLE: Final = "THREE_WAYS_API_KEY"
KEY: Final = "sk-test"
# In nano-USD per million tokens: 9 tokens in and 5 out are 0.000019 USD.
PRICES: Final = [{"valid_from": "2026-01-01", "input": 10**9, "output": 2 * 10**9}]
COST_USD: Final = 0.000019
# A fault and a way each has its provider: what has failed often is not asked any more.
FAULTS: Final = ("key-refused", "context", "filtered", "too-large", "refused", "busy", "failed", "gave-up", "garbage")
FAILING: Final = tuple(f"{fault}.{way}" for fault in FAULTS for way in ("http", "celery", "in-process"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One gateway with the providers `fake` (model `m`, the fake upstream behind it), those of FAILING (the same) and
    `keyless`, beside its own `echo`; and `file`, a configuration with the same."""

    gateway: GatewayProcess
    upstream: ThreadedUpstream
    file: Path


@dataclass(frozen=True, slots=True)
class Way:
    """`streams`: in pieces. `leaves`: a call that is given up ends at the provider too."""

    name: str
    client: Callable[[Setting], Client]
    streams: bool = True
    leaves: bool = True


def _local(setting: Setting) -> Client:
    return LocalClient(ConfigLoader(setting.file).load_config_as_object(), ProviderFactory())


def _http(setting: Setting) -> Client:
    return LLMGatewayClient(setting.gateway.url, PROJECT_KEY)


def _celery(setting: Setting) -> Client:
    return LLMGatewayClient(broker_url=setting.gateway.redis_url())


WAYS: Final = (
    Way("http", _http),
    Way("celery", _celery, streams=False, leaves=False),
    Way("in-process", _local),
)


def configure(gateway: GatewayProcess, upstream: ThreadedUpstream, file: Path) -> Setting:
    """The same providers by REST and in the file."""
    for name, provider in _providers(upstream.url).items():
        models = [{"model_id": model, **fields} for model, fields in provider["models"].items()]
        body = {**provider, "provider_id": name, "models": models}
        body.pop("api_keys")
        if provider["api_keys"]:
            body["api_key"] = {"key_value": KEY}
        answer = gateway.rest("POST", "/providers", json=body)
        assert answer.status_code == 201, answer.text
    echo = {"display_name": "Echo", "provider_type": "echo", "models": {"echo": {}}}
    document = {"version": 1, "providers": {"echo": echo, **_providers(upstream.url)}}
    file.write_text(json.dumps(document))  # JSON is YAML too
    return Setting(gateway, upstream, file)


def _providers(url: str) -> dict[str, dict[str, Any]]:
    keys = [{"name": "default", "reference": f"env:{KEY_VARIABLE}"}]
    common = {"provider_type": "openai", "connection_params": {"api_base": f"{url}/v1"}}
    failing = {name: {**common, "display_name": name, "api_keys": keys, "models": {"m": {}}} for name in FAILING}
    return {
        **failing,
        "fake": {**common, "display_name": "Fake", "api_keys": keys, "models": {"m": {"prices": PRICES}}},
        "keyless": {**common, "display_name": "Keyless", "api_keys": [], "models": {"k": {}}},
    }
