"""Whatever the configuration: its export comes back as the same bytes, and a second import changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.models import Project
from audit import history
from llm.core import reading, writing
from providers.config_file import exporting, import_text, states
from providers.errors import ConfigurationError
from providers.models import Provider, Route

ENVIRONMENTS = st.sampled_from(["", "development", "staging", "production"])
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True)
MODEL_IDS = st.sampled_from(
    ["gpt-4.1", "meta-llama/Llama-3:free", "4.1", "true", "null", "~", "ünïcode ✓", "a b", "-", "=", "<<", "1e3", "*x"]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
LINES = st.lists(TEXTS, max_size=3).map("\n".join)
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcxy"), inner, max_size=2),
    max_leaves=4,
)
FINGERPRINTS = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
TIMES = st.none() | st.sampled_from(["2099-01-31T12:00:00Z", "2001-01-31T12:00:00.25+02:00"])

MODELS = st.fixed_dictionaries(
    {},
    optional={
        "display_name": TEXTS.map(str.strip),
        "model_type": st.sampled_from(["chat", "embedding"]),
        "context_window": st.none() | st.integers(1, 10**6),
        "enabled": st.booleans(),
        "capabilities": st.lists(st.sampled_from(["tools", "vision"]), unique=True),
        "parameters": st.dictionaries(st.sampled_from("abc"), JSON, max_size=2),
        "prices": st.just([{"valid_from": "2026-01-01", "input": 5}]),
        "weight": st.integers(0, 9),
    },
)
SOURCES = st.just({"reference": "env:OPENAI_API_KEY"}) | FINGERPRINTS.map(lambda text: {"secret": {"stored": text}})
KEYS = st.builds(
    lambda own, source: own | source,
    st.fixed_dictionaries(
        {"name": st.sampled_from(["default", "second"]), "environment": ENVIRONMENTS},
        optional={"weight": st.integers(0, 9), "enabled": st.booleans(), "expires_at": TIMES, "bound_to": TEXTS},
    ),
    SOURCES,
)
VALUES = JSON.filter(lambda value: value is not None).map(lambda value: {"param_value": value})
PARAMETERS = st.builds(
    lambda own, value: own | value,
    st.fixed_dictionaries({"param_name": st.sampled_from(["x-one", "x-two"]), "environment": ENVIRONMENTS}),
    VALUES | FINGERPRINTS.map(lambda text: {"secret": {"stored": text}}),
)
PROVIDERS = st.fixed_dictionaries(
    {"provider_type": st.just("openai_compatible"), "display_name": st.sampled_from(["A", "B: c", "#"])},
    optional={
        "description": LINES,
        "enabled": st.booleans(),
        "connection_params": st.just({"api_base": "https://llm.example.com/v1"}),
        "connection_parameters": st.lists(
            PARAMETERS, max_size=3, unique_by=lambda row: (row["param_name"], row["environment"])
        ),
        "request_settings": st.just({"timeout_seconds": 1.5}),
        "api_keys": st.lists(KEYS, max_size=3, unique_by=lambda row: (row["name"], row["environment"])),
        "models": st.dictionaries(MODEL_IDS, MODELS, max_size=3),
    },
)
PROJECTS = st.fixed_dictionaries(
    {}, optional={"owner": TEXTS, "enabled": st.booleans(), "tags": st.just({"team": "1"}), "environment": ENVIRONMENTS}
)
STRATEGIES = st.sampled_from(Route.Strategy.values)
SHARES = st.floats(0, 0.5, exclude_min=True)
PRICES = st.integers(0, 10**15).map(lambda nano: nano / 10**9 if nano % 10**9 else nano // 10**9)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "retries": st.integers(0, 10),
        "timeout_seconds": st.floats(0.001, 86_400) | st.integers(1, 86_400),
        "content_filter_fallback": st.booleans(),
        "unsupported": st.sampled_from(["drop", "refuse"]),
        "stream_guard": st.none()
        | st.just({"until": "finish"})
        | st.integers(1, 10**6).map(lambda number: {"characters": number}),
        "affinity": st.sampled_from([None, "session", "conversation"]),
        "max_price_usd": st.none() | st.dictionaries(st.sampled_from(["input", "output"]), PRICES, min_size=1),
        "hedge": st.none() | SHARES.map(lambda share: {"max_share": share}),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    providers = draw(st.dictionaries(NAMES, PROVIDERS, max_size=2))
    models = [f"{name}/{model}" for name, body in providers.items() for model in body.get("models", {})]
    targets = st.lists(
        st.sampled_from(models).map(lambda model: {"model": model}), min_size=1, max_size=2, unique_by=str
    )
    route = st.fixed_dictionaries({"targets": targets}, optional={"strategy": STRATEGIES, "policy": POLICIES})
    routes = st.dictionaries(NAMES, route, max_size=2) if models else st.just({})
    projects = draw(st.dictionaries(NAMES, PROJECTS, max_size=2))
    return {"version": 1, "providers": providers, "routes": draw(routes), "projects": projects}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_an_export_comes_back_as_the_same_bytes(document: dict[str, Any]) -> None:
    _empty()
    import_text(writing.to_yaml(document))
    text = exporting.text(states.read())
    assert import_text(text).plan == []
    _empty()
    import_text(text)
    assert exporting.text(states.read()) == text
    before = history.revision()
    assert import_text(text, prune=True).revision is None
    assert history.revision() == before


def _empty() -> None:
    with history.change_set():
        for model in (Project, Route, Provider):
            for row in model.objects.all():
                row.delete()


@given(JSON)
def test_what_is_written_is_read_as_the_same(value: Any) -> None:
    assert reading.read(writing.to_yaml({"value": value})).value == {"value": value}


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    try:
        document = reading.read(text)
    except ConfigurationError as error:
        assert str(error)
    else:
        assert document.lines or document.value == {}
