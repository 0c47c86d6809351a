"""The providers' part of a snapshot: what may be called now, here, with secrets decrypted.

What cannot be used is left out with a log line, and never takes the rest down: a bad key, a sensitive parameter that
must be entered anew, a provider of a kind that is not installed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from llm.adapters import parameters as built
from llm.core import policies
from llm.snapshot import Model, ProvidersPart, Route, RouteTarget, Upstream, UpstreamKey
from providers import key_state as states
from providers import kinds, prices, secrets
from providers import models as stored
from providers.key_state import KeyState
from providers.parameters import REQUEST_SETTINGS, Unreadable, effective, read

log = logging.getLogger(__name__)
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)  # rows that were written past the services


@dataclass(frozen=True, slots=True)
class _Place:
    """Where and when the snapshot is for."""

    environment: str
    allow_private: bool
    now: datetime


def snapshot_part(*, environment: str, allow_private: bool) -> ProvidersPart:
    """Enabled providers, models and routes. `allow_private`: may loopback and private addresses be dialled?"""
    place = _Place(environment, allow_private, timezone.now())
    rows = stored.Provider.objects.filter(enabled=True).prefetch_related("models", "api_keys", "connection_parameters")
    upstreams: dict[str, Upstream] = {}
    models: dict[tuple[str, str], Model] = {}
    for provider in rows:
        if not kinds.is_known(provider.provider_type):
            log.error("a provider of an unknown kind is left out", extra={"provider": provider.provider_id})
            continue
        try:
            upstream, own = _upstream(provider, place), [_model(row) for row in provider.models.all() if row.enabled]
        except _MALFORMED:
            log.error("a provider that cannot be built is left out", extra={"provider": provider.provider_id})
            continue
        upstreams[provider.provider_id] = upstream
        models.update({(model.provider_id, model.model_id): model for model in own})
    return ProvidersPart(upstreams=upstreams, models=models, routes=_routes())


def part_of(provider: stored.Provider, *, environment: str, allow_private: bool) -> ProvidersPart:
    """One provider with all its models, disabled or not: for what is done before it is enabled. ValueError where it
    cannot be built."""
    place = _Place(environment, allow_private, timezone.now())
    try:
        upstream, own = _upstream(provider, place), [_model(row) for row in provider.models.all()]
    except _MALFORMED as error:
        raise ValueError("The provider cannot be built from what is stored of it.") from error
    models = {(model.provider_id, model.model_id): model for model in own}
    return ProvidersPart(upstreams={provider.provider_id: upstream}, models=models, routes={})


def _upstream(provider: stored.Provider, place: _Place) -> Upstream:
    kind = provider.provider_type
    parameters = list(provider.connection_parameters.all())
    settings, closed = _settings(provider, parameters, place)
    base_url = kinds.normal_base_url(kind, str(settings.get("api_base") or kinds.default_base_url(kind)))
    if not base_url:
        log.warning("a provider has no api_base: it cannot be called", extra={"provider": provider.provider_id})
        closed = True
    keys = list(provider.api_keys.all())
    # A provider with stored keys is never called without one because all of them went bad.
    wants_key = closed or kinds.needs_key(kind) or any(key.enabled for key in keys)
    return Upstream(
        provider_id=provider.provider_id,
        kind=kind,
        base_url=base_url,
        keys=() if closed else tuple(_keys(provider, keys, parameters, place)),
        needs_key=wants_key,
        headers=built.headers(settings, partial(kinds.takes, kind)),
        extra_body=dict(settings.get("extra_body") or {}),
        options={name: settings[name] for name in kinds.options(kind) if name in settings},
        timeouts=built.timeouts(settings),
        connection=built.connection(settings, allow_private=place.allow_private),
    )


def _settings(
    provider: stored.Provider, rows: Sequence[stored.ConnectionParameter], place: _Place
) -> tuple[dict[str, Any], bool]:
    """The values that hold here, request_settings under connection parameters; and: must the provider stay closed?

    Without its proxy a provider is not called at all: a call past it would go where it must not.
    """
    found = {name: value for name, value in provider.request_settings.items() if name in REQUEST_SETTINGS}
    merged = {name: found.pop(name) for name in ("extra_headers", "extra_body") if name in found}
    closed = False
    for name, row in effective(rows, place.environment).items():
        value = _value(row, provider, rows, place)
        if value is None:
            closed = closed or name == "proxy"
            extra = {"provider": provider.provider_id, "parameter": name}
            log.warning("a sensitive parameter must be entered anew and is left out", extra=extra)
        elif name in ("extra_headers", "extra_body"):
            merged[name] = {**merged.get(name, {}), **value}
        else:
            found[name] = value
    return {**found, **merged}, closed


def _value(
    row: stored.ConnectionParameter,
    provider: stored.Provider,
    rows: Sequence[stored.ConnectionParameter],
    place: _Place,
) -> Any:
    """None where a sensitive value cannot be read, or may not be sent where the provider leads now."""
    if row.is_sensitive and not states.is_parameter_bound(
        row, kind=provider.provider_type, rows=rows, environment=place.environment
    ):
        return None
    try:
        return read(row)
    except Unreadable:
        return None


def _keys(
    provider: stored.Provider,
    keys: Sequence[stored.ApiKey],
    parameters: Sequence[stored.ConnectionParameter],
    place: _Place,
) -> list[UpstreamKey]:
    usable = []
    for key in keys:
        state = states.key_state(
            key,
            kind=provider.provider_type,
            siblings=keys,
            parameters=parameters,
            environment=place.environment,
            now=place.now,
        )
        if state is KeyState.ACTIVE:
            secret = states.secret_of(key)
            usable.append(
                UpstreamKey(
                    key.key_id,
                    secret,
                    weight=key.weight,
                    expires_at=key.expires_at,
                    fingerprint=secrets.fingerprint(secret),  # of what a reference leads to: it may change in its place
                )
            )
        elif state in (KeyState.AWAITING_SECRET, KeyState.UNDECRYPTABLE):
            extra = {"provider": provider.provider_id, "key_id": key.key_id, "state": str(state)}
            log.warning("a key cannot be used and is left out", extra=extra)
    return usable


def _model(row: stored.ProviderModel) -> Model:
    return Model(
        provider_id=row.provider_id,
        model_id=row.model_id,
        display_name=row.display_name,
        model_type=row.model_type,
        context_window=row.context_window,
        max_tokens=row.max_tokens,
        capabilities=frozenset(str(word) for word in row.capabilities),
        parameters=dict(row.parameters),
        priority=row.priority,
        weight=row.weight,
        created=int(row.created_at.timestamp()),
        prices=prices.built(row.prices),
    )


def _routes() -> dict[str, Route]:
    routes = {}
    for row in stored.Route.objects.filter(enabled=True):
        try:
            routes[row.name] = _route(row)
        except _MALFORMED:
            log.error("a route that cannot be built is left out", extra={"route": row.name})
    return routes


def _route(row: stored.Route) -> Route:
    return Route(
        name=row.name,
        targets=_targets(row.targets),
        fallbacks=_targets(row.fallbacks),
        strategy=stored.Route.Strategy(row.strategy).value,
        policy=policies.built(row.policy),
    )


def _targets(items: Sequence[Mapping[str, Any]]) -> tuple[RouteTarget, ...]:
    found = []
    for item in items:
        provider_id, _, model_id = item["model"].partition("/")
        if item.get("enabled", True):
            found.append(RouteTarget(provider_id, model_id, item.get("priority", 1), item.get("weight", 1)))
    return tuple(found)
