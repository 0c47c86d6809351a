"""Reads for pages and the management API: children are prefetched, so that a list costs a fixed number of queries."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from providers import key_state as states
from providers.key_state import KeyState
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route

_PARAMETERS = "provider__connection_parameters"


def providers() -> QuerySet[Provider]:
    """All providers with their models, keys and parameters."""
    found = Provider.objects.select_related("state")
    return found.prefetch_related("models", "api_keys__state", "connection_parameters")


def provider(provider_id: str) -> Provider:
    """Raises Provider.DoesNotExist."""
    return providers().get(provider_id=provider_id)


def models() -> QuerySet[ProviderModel]:
    return ProviderModel.objects.select_related("provider")


def models_of(provider_id: str) -> QuerySet[ProviderModel]:
    return models().filter(provider=provider_id)


def keys_of(provider_id: str) -> QuerySet[ApiKey]:
    keys = ApiKey.objects.filter(provider=provider_id).select_related("provider", "state")
    return keys.prefetch_related(_PARAMETERS, "provider__api_keys")


def parameters_of(provider_id: str) -> QuerySet[ConnectionParameter]:
    rows = ConnectionParameter.objects.filter(provider=provider_id).select_related("provider")
    return rows.prefetch_related(_PARAMETERS)


def routes() -> QuerySet[Route]:
    return Route.objects.all()


def key_state(key: ApiKey) -> KeyState:
    """What the key is good for in this process's environment, now."""
    return states.key_state(
        key,
        kind=key.provider.provider_type,
        siblings=key.provider.api_keys.all(),
        parameters=list(key.provider.connection_parameters.all()),
        environment=settings.GATEWAY_ENV,
        now=timezone.now(),
    )


def last_used_at(key: ApiKey) -> Any:
    """When a call last used the key; None if never."""
    state = getattr(key, "state", None)
    return state.last_used_at if state is not None else None


def parameter_value(row: ConnectionParameter) -> Any:
    """What may be shown: None for a sensitive one."""
    return None if row.is_sensitive else row.value


def plain_parameters(provider: Provider) -> dict[str, Any]:
    """The plain values that hold for every environment, by name."""
    rows = provider.connection_parameters.all()
    return {row.param_name: row.value for row in rows if not row.environment and not row.is_sensitive}


def parameter_state(row: ConnectionParameter) -> str:
    """As a key's state, for a sensitive parameter; a plain one is active or other_environment."""
    return states.parameter_state(
        row,
        kind=row.provider.provider_type,
        rows=list(row.provider.connection_parameters.all()),
        environment=settings.GATEWAY_ENV,
    )
