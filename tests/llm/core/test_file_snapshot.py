"""A configuration file without a database: what may be called with it, what is left out, and what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llm.core.errors import ConfigurationError
from llm.core.surroundings import Surroundings, read
from llm.prices import Price, Rates, Tier
from llm.references import Allowed
from llm.snapshot import Hedge, RoutePolicy, RouteTarget, StreamGuard, Upstream, UpstreamKey
from llm.spec import Connection, Timeouts
from tests.llm.core.files import HERE, built, openai, yaml

BASE = "https://one.example"


def provider(surroundings: Surroundings = HERE, **fields: Any) -> tuple[Upstream, tuple[str, ...]]:
    found = built(yaml(providers={"p": openai(BASE, **fields)}), surroundings)
    return found.snapshot.providers.upstreams["p"], found.notes


def test_a_kind_says_what_the_file_does_not() -> None:
    text = yaml(providers={"e": {"provider_type": "echo"}, "o": {"provider_type": "openai"}})
    upstreams = built(text).snapshot.providers.upstreams
    assert (upstreams["e"].base_url, upstreams["e"].needs_key) == ("echo:", False)
    assert (upstreams["o"].base_url, upstreams["o"].needs_key) == ("https://api.openai.com/v1", True)
    assert (upstreams["o"].timeouts, upstreams["o"].connection) == (Timeouts(), Connection(allow_private=True))


def test_the_whole_of_a_provider() -> None:
    upstream, notes = provider(
        connection_params={"base_url": f"{BASE}/v1/", "organization": "org", "timeout_seconds": 60, "verify": False},
        connection_parameters=[
            {"param_name": "extra_headers", "param_value": {"x-team": "here"}, "environment": "development"},
            {"param_name": "extra_headers", "param_value": {"x-team": "there"}, "environment": "production"},
            {"param_name": "proxy", "secret": "http://u:p@proxy.example:3128"},
        ],
        request_settings={"idle_timeout_seconds": 7, "extra_headers": {"x-app": "a"}, "transport": "aiohttp"},
    )
    assert upstream == Upstream(
        "p",
        "openai",
        f"{BASE}/v1",
        keys=(UpstreamKey("default", "sk-test"),),
        headers={"OpenAI-Organization": "org", "x-app": "a", "x-team": "here"},
        timeouts=Timeouts(total=60, idle=7),
        connection=Connection(
            verify=False, proxy="http://u:p@proxy.example:3128", allow_private=True, transport="aiohttp"
        ),
    )
    assert notes == () and "sk-test" not in repr(upstream) and "u:p" not in repr(upstream)


def test_options_of_a_kind_reach_its_adapter() -> None:
    fields = {"provider_type": "azure_openai", "connection_params": {"api_base": BASE, "api_version": "2025-01-01"}}
    assert provider(**fields)[0].options == {"api_version": "2025-01-01"}
    fields["provider_type"] = "gemini"
    upstream, notes = provider(**fields)
    assert upstream.options == {} and notes == ("p: its kind knows no parameter api_version; it is left out.",)


def test_keys_are_read_where_they_are_referred_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONE_API_KEY", "sk-env")
    (tmp_path / "two").write_text("sk-file\n")
    keys = [
        {"name": "a", "key_id": "id-a", "reference": "env:ONE_API_KEY", "weight": 3},
        {"name": "b", "reference": "file:two", "expires_at": "2090-01-01T00:00:00Z"},
        {"name": "c", "reference": "env:NOWHERE_API_KEY"},
        {"name": "d", "reference": "env:PATH"},
        {"name": "e", "secret": {"stored": "0123456789abcdef"}},
        {"name": "f", "secret": "sk-f", "bound_to": "https://other.example:443"},
        {"name": "g", "secret": "****"},
        {"name": "h", "secret": "sk-h", "enabled": False},
        {"name": "i", "secret": "sk-i", "expires_at": "2020-01-01T00:00:00+02:00"},
    ]
    upstream, notes = provider(Surroundings(references=Allowed(folder=str(tmp_path))), api_keys=keys)
    assert upstream.keys == (
        UpstreamKey("id-a", "sk-env", weight=3),
        UpstreamKey("b", "sk-file", expires_at=datetime(2090, 1, 1, tzinfo=UTC)),
    )
    assert [note.split()[3] for note in notes] == ["c", "d", "e", "f", "g"]
    assert "NOWHERE_API_KEY" in notes[0] and "LLM_GATEWAY_KEY_ENV" in notes[1] and "database" in notes[2]
    assert "sk-f" not in str(notes)


def test_keys_of_this_environment_beat_those_of_every_one() -> None:
    keys = [{"secret": "sk-any"}, {"name": "p", "secret": "sk-p", "environment": "production"}]
    assert [key.secret for key in provider(api_keys=keys)[0].keys] == ["sk-any"]
    assert [key.secret for key in provider(Surroundings("production"), api_keys=keys)[0].keys] == ["sk-p"]


def test_a_provider_is_not_called_without_its_proxy_nor_without_the_keys_that_it_should_have() -> None:
    stored = [{"param_name": "proxy", "secret": {"stored": "0123456789abcdef"}}]
    closed, notes = provider(connection_parameters=stored)
    assert (closed.keys, closed.needs_key) == ((), True) and "proxy" in notes[0]
    fields = {"provider_type": "openai_compatible", "api_keys": [{"reference": "env:NOWHERE_API_KEY"}]}
    assert provider(**fields)[0].needs_key is True
    homeless, notes = provider(provider_type="openai_compatible", connection_params={}, api_keys=[])
    assert homeless.needs_key is True and "api_base" in notes[0]


def test_what_is_off_or_of_another_world_is_left_out() -> None:
    providers = {
        "off": {"provider_type": "echo", "enabled": False, "models": {"m": {}}},
        "odd": {"provider_type": "of_a_package", "models": {"m": {}}},
        "on": {"provider_type": "echo", "models": {"m": {}, "n": {"enabled": False}}},
    }
    found = built(yaml(providers=providers, limits={}))
    assert list(found.snapshot.providers.upstreams) == ["on"]
    assert list(found.snapshot.providers.models) == [("on", "m")]
    assert "limits" in found.notes[0] and "of_a_package" in found.notes[1]


def test_models_and_their_prices() -> None:
    prices = [{"valid_from": "2026-01-01", "input": 1, "output": 2, "tiers": [{"from_tokens": 10, "input": 5}]}]
    fields = {"model_type": "embedding", "max_tokens": 9, "capabilities": ["tools"], "priority": 2, "prices": prices}
    found = built(yaml(providers={"e": {"provider_type": "echo", "models": {"m": fields, "bare": None}}}))
    model = found.snapshot.providers.models["e", "m"]
    assert (model.model_type, model.max_tokens, model.capabilities) == ("embedding", 9, frozenset({"tools"}))
    first = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert model.prices == (Price(first, Rates(1, 2), (Tier(10, Rates(5)),)),)
    assert found.snapshot.providers.models["e", "bare"].priority == 1


def test_routes_and_projects() -> None:
    target = {"model": "e/m", "weight": 3}
    text = yaml(
        providers={"e": {"provider_type": "echo", "models": {"m": {}, "n": {}}}},
        routes={
            "fast": {
                "strategy": "weighted",
                "targets": [target, {"model": "e/n", "enabled": False}],
                "fallbacks": [{"model": "e/n"}],
                "policy": {"retries": 1, "timeout_seconds": 20, "unsupported": "drop"},
            },
            "off": {"targets": [target], "enabled": False},
        },
        projects={
            "shop": {"allowed_models": ["fast"], "default_route": "fast", "accept_tasks": True, "tags": {"a": "b"}},
            "prod": {"environment": "production"},
            "off": {"enabled": False},
        },
    )
    snapshot = built(text).snapshot
    assert list(snapshot.providers.routes) == ["fast"]
    fast = snapshot.providers.routes["fast"]
    assert (fast.targets, fast.fallbacks) == ((RouteTarget("e", "m", 1, 3),), (RouteTarget("e", "n"),))
    assert (fast.strategy, fast.policy) == ("weighted", RoutePolicy(retries=1, timeout_seconds=20.0))
    assert list(snapshot.callers.by_project) == ["shop"]
    shop = snapshot.callers.by_project["shop"]
    assert (shop.allowed_models, shop.default_route, shop.accept_tasks, shop.tags) == (
        ("fast",),
        "fast",
        True,
        {"a": "b"},
    )


def test_all_of_a_route_s_policy_but_a_cache() -> None:
    policy = {
        "content_filter_fallback": True,
        "unsupported": "refuse",
        "stream_guard": {"until": "finish"},
        "affinity": "session",
        "max_price_usd": {"input": 0.1, "output": 2},
        "hedge": {"max_share": 0.25},
        "cache": None,
    }
    route = {"strategy": "least_busy", "targets": [{"model": "e/m"}], "policy": policy}
    text = yaml(providers={"e": {"provider_type": "echo", "models": {"m": {}}}}, routes={"r": route})
    found = built(text).snapshot.providers.routes["r"]
    assert found.strategy == "least_busy"
    assert found.policy == RoutePolicy(
        content_filter_fallback=True,
        unsupported="refuse",
        stream_guard=StreamGuard(None),
        affinity="session",
        most_input_price=100_000_000,
        most_output_price=2_000_000_000,
        hedge=Hedge(0.25),
    )


def test_without_projects_there_is_the_default_one() -> None:
    callers = built("version: 1").snapshot.callers.by_project
    assert [(one.project, one.accept_tasks, one.allowed_models) for one in callers.values()] == [
        ("default", True, ("*",))
    ]


WRONG = {
    "version: 2": "line 1: version: it must be 1.",
    "[]": "version: it must be 1.",
    "version: 1\nproviders: [x]": "line 2: providers: it must be a mapping",
    "version: 1\nproviders:\n  p: {}": "missing required field `provider_type`",
    "version: 1\nproviders:\n  p: {provider_type: echo, nope: 1}": "providers.p.nope: there is no such field.",
    "version: 1\nproviders:\n  P: {provider_type: echo}": "line 3: providers.P: a name has",
    "version: 1\nproviders:\n  p:\n    provider_type: echo\n    models:\n      m: {weight: sk-x}": (
        "line 6: providers.p.models.m.weight: expected `int`, got `str`."
    ),
    "version: 1\nproviders:\n  p:\n    provider_type: echo\n    models: {m: {prices: [{input: -5}]}}": (
        "providers.p.models.m.prices.0.input: expected `int` >= 0."
    ),
    "version: 1\nproviders:\n  p:\n    provider_type: openai\n    api_keys: [{name: a}]": (
        "providers.p.api_keys.0: give either a reference or a secret."
    ),
    "version: 1\nproviders:\n  p:\n    provider_type: openai\n    api_keys: [{secret: k, expires_at: '2030-01-01'}]": (
        "api_keys.0.expires_at: it must be a time"
    ),
    "version: 1\nproviders:\n  p:\n    provider_type: openai\n    connection_params: {api_base: sk-secret}": (
        "line 5: providers.p.connection_params.api_base: "
    ),
    "version: 1\nproviders:\n  p: {provider_type: echo, request_settings: {timeout_seconds: 0}}": (
        "providers.p.request_settings.timeout_seconds: It must be a number of seconds above 0"
    ),
    "version: 1\nproviders:\n  p: {provider_type: openai, connection_params: {proxy: null}}": "it must not be null",
    "version: 1\nproviders:\n  p:\n    provider_type: openai\n    connection_params: {api_base: 'http://a', base_url: "
    "'http://b'}": "api_base stands in the file twice",
    "version: 1\nroutes: {r: {targets: [{model: p/m}]}}": "routes.r.targets.0: there is no model p/m.",
    "version: 1\nroutes: {r: {targets: [], strategy: random}}": "routes.r.strategy: it must be one of",
    "version: 1\nroutes: {r: {targets: [], policy: {retries: 11}}}": "routes.r.policy.retries: ",
    "version: 1\nroutes: {r: {targets: [], policy: {timeout_seconds: true}}}": "routes.r.policy.timeout_seconds: ",
    "version: 1\nroutes: {r: {targets: [], policy: {hedge: {}}}}": "routes.r.policy.hedge: this is no such policy.",
    "version: 1\nroutes: {r: {targets: [], policy: {unsupported: no}}}": "routes.r.policy.unsupported: there is no",
    "version: 1\nroutes: {r: {targets: [], policy: {cache: {}}}}": "routes.r.policy.cache: this needs a database.",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_its_line_and_no_value(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        built(text)
    assert message in str(caught.value)
    assert "sk-" not in str(caught.value)


def test_surroundings_are_the_servers_variables() -> None:
    assert read({}) == Surroundings("development", True, Allowed(("*_API_KEY",), ""))
    variables = {"ENV": "production", "KEY_ENV": "A_*, B", "SECRETS_DIR": "/secrets"}
    found = read({f"LLM_GATEWAY_{name}": value for name, value in variables.items()})
    assert found == Surroundings("production", False, Allowed(("A_*", "B"), "/secrets"))
    with pytest.raises(ConfigurationError, match="ALLOW_PRIVATE_UPSTREAMS"):
        read({"LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS": "perhaps"})
