"""Writes of providers, with all that a body nests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audit.errors import Duplicate
from audit.history import change_set
from providers import parameters, usage
from providers.models import Provider
from providers.problems import Problems, assign, check_columns, refuse
from providers.services.key import write_key
from providers.services.model import write_models
from providers.services.parameter import write_parameters

FIELDS = ("display_name", "provider_type", "description", "enabled", "request_settings")
Items = Sequence[Mapping[str, Any]]


def create_provider(
    *,
    provider_id: str,
    models: Items = (),
    api_key: Mapping[str, Any] | None = None,
    api_keys: Items = (),
    connection_params: Mapping[str, Any] | None = None,
    connection_parameters: Items = (),
    **fields: Any,
) -> Provider:
    """`fields` are those of FIELDS; `display_name` is the provider_id where it is not given.

    Nested: models as for create_model, keys as for create_key, `connection_params` {name: plain value},
    `connection_parameters` as for set_parameter. Duplicate where the provider exists.
    """
    provider = Provider(provider_id=provider_id)
    with change_set():
        if isinstance(provider_id, str) and Provider.objects.filter(provider_id=provider_id).exists():
            raise Duplicate({"provider_id": [f'There is a provider "{provider_id}" already.']})
        assign(provider, {"display_name": provider_id, **fields}, allowed=FIELDS)
        _check(provider, changed=FIELDS)
        provider.save()
        _write_nested(provider, models, api_key, api_keys, connection_params, connection_parameters)
    return provider


def update_provider(
    *,
    provider: Provider,
    models: Items = (),
    api_key: Mapping[str, Any] | None = None,
    api_keys: Items = (),
    connection_params: Mapping[str, Any] | None = None,
    connection_parameters: Items = (),
    **fields: Any,
) -> Provider:
    """Only what is said changes: nested objects are added or updated, those that are not named stay."""
    if fields.pop("provider_id", provider.provider_id) != provider.provider_id:
        raise refuse("provider_id", "It never changes after creation.")
    with change_set():
        provider = Provider.objects.get(pk=provider.pk)
        assign(provider, fields, allowed=FIELDS)
        _check(provider, changed=tuple(fields))
        provider.save()
        _write_nested(provider, models, api_key, api_keys, connection_params, connection_parameters)
    return provider


def delete_provider(*, provider: Provider) -> None:
    """Models, keys and parameters go with it; history and calls stay. InUse where a route or project names it."""
    with change_set():
        usage.check_provider(provider)
        provider.delete()


def _write_nested(
    provider: Provider,
    models: Items,
    api_key: Mapping[str, Any] | None,
    api_keys: Items,
    plain: Mapping[str, Any] | None,
    rows: Items,
) -> None:
    problems = Problems()
    # Parameters before keys: a key is bound to the address that the same body says.
    write_parameters(provider=provider, rows=rows, plain=plain or {}, problems=problems)
    if api_key is not None:
        write_key(provider=provider, item=api_key, problems=problems, path="api_key")
    for place, item in enumerate(api_keys):
        write_key(provider=provider, item=item, problems=problems, path=f"api_keys.{place}")
    write_models(provider=provider, items=models, problems=problems)
    problems.raise_found()


def _check(provider: Provider, *, changed: Sequence[str]) -> None:
    problems = Problems()
    check_columns(provider, problems, exclude=["request_settings"])
    if "request_settings" in changed:
        with problems.under():
            parameters.check_request_settings(provider.request_settings)
    problems.raise_found()
