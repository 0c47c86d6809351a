"""Random changes of the configuration through the services; what the services refuse changes nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from hypothesis import strategies as st

from access import services as callers
from access.models import Project, ProjectKey
from audit import history
from providers import services
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route

PROVIDERS = st.sampled_from(["p", "q"])
MODELS = st.sampled_from(["m", "n/x:free", "*"])
NAMES = st.sampled_from(["a", "b"])
TARGETS = st.lists(st.sampled_from(["p/m", "p/n/x:free", "q/m"]), min_size=1, max_size=2, unique=True)
TEXTS = st.sampled_from(["", "one", "two"])
JSON = st.sampled_from([{}, {"top_k": 1}, {"top_k": True}, {"top_k": [1, {"x": None}]}])
VALUES = st.sampled_from([f"sk-{letter * 30}" for letter in "abc"])

CHANGES = st.one_of(
    st.tuples(st.just("provider"), PROVIDERS, TEXTS, st.booleans()),
    st.tuples(st.just("delete_provider"), PROVIDERS),
    st.tuples(st.just("model"), PROVIDERS, MODELS, st.integers(0, 3), JSON),
    st.tuples(st.just("delete_model"), PROVIDERS, MODELS),
    st.tuples(st.just("key"), PROVIDERS, NAMES, VALUES, st.integers(0, 3)),
    st.tuples(st.just("reference"), PROVIDERS, NAMES),
    st.tuples(st.just("rename_key"), PROVIDERS, NAMES, NAMES, st.booleans()),
    st.tuples(st.just("delete_key"), PROVIDERS, NAMES),
    st.tuples(st.just("parameter"), PROVIDERS, TEXTS, st.booleans(), st.sampled_from(["", "production"])),
    st.tuples(st.just("address"), PROVIDERS, st.sampled_from(["https://one.example", "https://two.example/v1"])),
    st.tuples(st.just("delete_parameters"), PROVIDERS),
    st.tuples(st.just("route"), NAMES, TARGETS, TEXTS),
    st.tuples(st.just("delete_route"), NAMES),
    st.tuples(st.just("project"), NAMES, NAMES, st.sampled_from(["", "a", "b"])),
    st.tuples(st.just("delete_project"), NAMES),
    st.tuples(st.just("project_key"), NAMES, NAMES, st.booleans()),
    st.tuples(st.just("revoke"), NAMES, NAMES),
)
BASE = [
    ("provider", "p", "", True),
    ("provider", "q", "", True),
    ("model", "p", "m", 1, {}),
    ("model", "q", "m", 1, {}),
    ("key", "p", "a", "sk-base-0123456789abcdefghij", 1),
    ("key", "p", "b", "sk-base-0123456789klmnopqrst", 1),
    ("route", "a", ["p/m"], ""),
    ("project", "a", "", "a"),
    ("project_key", "a", "a", True),
]
# One change set holds one or several changes; the first one makes something that the others can change.
SEQUENCES = st.lists(st.lists(CHANGES, min_size=1, max_size=4), min_size=1, max_size=5).map(lambda some: [BASE, *some])


def make(group: list[tuple[Any, ...]]) -> int:
    """Makes the changes as one change set; the revision that then holds."""
    with history.change_set():
        for kind, *given in group:
            with suppress(ValidationError, LookupError), history.change_set():
                globals()[f"_{kind}"](*given)
    return history.revision()


def _get(model: Any, **wanted: Any) -> Any:
    found = model.objects.filter(**wanted).first()
    if found is None:
        raise LookupError
    return found


def _provider(name: str, description: str, enabled: bool) -> None:
    row = Provider.objects.filter(provider_id=name).first()
    fields = {"description": description, "enabled": enabled}
    if row is None:
        services.create_provider(provider_id=name, provider_type="openai", **fields)
    else:
        services.update_provider(provider=row, **fields)


def _delete_provider(name: str) -> None:
    services.delete_provider(provider=_get(Provider, provider_id=name))


def _model(provider: str, model_id: str, weight: int, parameters: Any) -> None:
    item = {"model_id": model_id, "weight": weight, "parameters": parameters}
    services.update_provider(provider=_get(Provider, provider_id=provider), models=[item])


def _delete_model(provider: str, model_id: str) -> None:
    services.delete_model(model=_get(ProviderModel, provider=provider, model_id=model_id))


def _key(provider: str, name: str, value: str, weight: int) -> None:
    item = {"name": name, "key_value": value, "weight": weight}
    services.update_provider(provider=_get(Provider, provider_id=provider), api_keys=[item])


def _reference(provider: str, name: str) -> None:
    item = {"name": name, "reference": "env:SOME_API_KEY"}
    services.update_provider(provider=_get(Provider, provider_id=provider), api_keys=[item])


def _rename_key(provider: str, name: str, to: str, enabled: bool) -> None:
    key, other = _get(ApiKey, provider=provider, name=name), ApiKey.objects.filter(provider=provider, name=to).first()
    if other is not None and other != key:
        services.update_key(key=other, name="aside")
    services.update_key(key=key, name=to, enabled=enabled)
    if other is not None and other != key:
        services.update_key(key=other, name=name)


def _delete_key(provider: str, name: str) -> None:
    services.delete_key(key=_get(ApiKey, provider=provider, name=name))


def _parameter(provider: str, value: str, is_sensitive: bool, environment: str) -> None:
    services.set_parameter(
        provider=_get(Provider, provider_id=provider),
        param_name="organization",
        param_value=value,
        is_sensitive=is_sensitive,
        environment=environment,
    )


def _address(provider: str, value: str) -> None:
    services.update_provider(provider=_get(Provider, provider_id=provider), connection_params={"api_base": value})


def _delete_parameters(provider: str) -> None:
    for row in ConnectionParameter.objects.filter(provider=provider):
        services.delete_parameter(parameter=row)


def _route(name: str, models: list[str], description: str) -> None:
    fields = {"targets": [{"model": model} for model in models], "description": description}
    row = Route.objects.filter(name=name).first()
    if row is None:
        services.create_route(name=name, **fields)
    else:
        services.update_route(route=row, **fields)


def _delete_route(name: str) -> None:
    services.delete_route(route=_get(Route, name=name))


def _project(slug: str, name: str, default_route: str) -> None:
    row = Project.objects.filter(slug=slug).first()
    if row is None:
        callers.create_project(slug=slug, name=name, default_route=default_route)
    else:
        callers.update_project(project=row, name=name, default_route=default_route)


def _delete_project(slug: str) -> None:
    callers.delete_project(project=_get(Project, slug=slug))


def _project_key(slug: str, name: str, enabled: bool) -> None:
    row = ProjectKey.objects.filter(project=slug, name=name).first()
    if row is None:
        callers.create_key(project=_get(Project, slug=slug), name=name, enabled=enabled)
    else:
        callers.update_key(key=row, enabled=enabled)


def _revoke(slug: str, name: str) -> None:
    callers.revoke_key(key=_get(ProjectKey, project=slug, name=name))
