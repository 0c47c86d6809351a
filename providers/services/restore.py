"""Puts objects of the configuration back, for a revert: `fields` is a dump of the history, by column.

What an operator decides goes through the same services as any other write. A secret is in no history: it stays as it
is where there is one, and never moves: what it is bound to stays with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit import dumps
from audit.history import Tracked
from providers import secrets
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route
from providers.problems import refuse
from providers.services import key as keys
from providers.services import model as models
from providers.services import parameter as parameters
from providers.services import provider as providers
from providers.services import route as routes

Fields = Mapping[str, Any]


def restore_provider(fields: Fields) -> None:
    said = dumps.typed(Provider, fields, providers.FIELDS)
    row = Provider.objects.filter(provider_id=fields["provider_id"]).first()
    if row is None:
        row = providers.create_provider(provider_id=fields["provider_id"], **said)
    else:
        row = providers.update_provider(provider=row, **said)
    _finish(row, fields)


def restore_model(fields: Fields) -> None:
    provider, said = _provider(fields), dumps.typed(ProviderModel, fields, models.FIELDS)
    row = ProviderModel.objects.filter(provider=provider, model_id=fields["model_id"]).first()
    if row is None:
        row = models.create_model(provider=provider, model_id=fields["model_id"], **said)
    else:
        row = models.update_model(model=row, **said)
    _finish(row, fields)


def restore_route(fields: Fields) -> None:
    said = dumps.typed(Route, fields, routes.FIELDS)
    row = Route.objects.filter(name=fields["name"]).first()
    row = routes.create_route(name=fields["name"], **said) if row is None else routes.update_route(route=row, **said)
    _finish(row, fields)


def restore_key(fields: Fields) -> None:
    """A key without a value of its own any more comes back disabled (`attainable` in providers.tracking)."""
    provider = _provider(fields)
    said = dumps.typed(ApiKey, fields, keys.FIELDS)
    said.pop("expires_at", None)  # it was right when it was entered, also where it lies in the past now
    row = ApiKey.objects.filter(provider=provider, key_id=fields["key_id"]).first()
    if row is None:
        row = keys.create_awaiting_key(provider=provider, key_id=fields["key_id"], **said)
    else:
        row = keys.update_key(key=row, **said)
    if fields["reference"]:
        secrets.clean_reference(fields["reference"])  # it may not be allowed any more
    if not fields["fingerprint"]:
        row.secret = None
    _finish(row, fields)


def restore_parameter(fields: Fields) -> None:
    provider, name, environment = _provider(fields), fields["param_name"], fields["environment"]
    stored = ConnectionParameter.objects.filter(provider=provider, param_name=name, environment=environment)
    row = stored.first()
    if not fields["is_sensitive"]:
        row, _ = parameters.set_parameter(
            provider=provider,
            param_name=name,
            param_value=fields["value"],
            is_sensitive=False,
            environment=environment,
        )
    elif row is None or not row.is_sensitive:
        row = row or ConnectionParameter(provider=provider, param_name=name, environment=environment)
        row.is_sensitive, row.value, row.secret_value = True, None, None
    _finish(row, fields)


def vacate_key(now: Fields, fields: Fields) -> None:
    """Frees the key's name for a moment, where it is about to get another one."""
    if all(now[field] == fields[field] for field in ("name", "environment")):
        return
    row = ApiKey.objects.get(provider=now["provider_id"], key_id=now["key_id"])
    row.name = f"~{row.key_id}"
    row.save()


def delete_provider(fields: Fields) -> None:
    row = Provider.objects.filter(provider_id=fields["provider_id"]).first()
    if row is not None:
        providers.delete_provider(provider=row)


def delete_model(fields: Fields) -> None:
    row = ProviderModel.objects.filter(provider=fields["provider_id"], model_id=fields["model_id"]).first()
    if row is not None:
        models.delete_model(model=row)


def delete_route(fields: Fields) -> None:
    row = Route.objects.filter(name=fields["name"]).first()
    if row is not None:
        routes.delete_route(route=row)


def delete_key(fields: Fields) -> None:
    row = ApiKey.objects.filter(provider=fields["provider_id"], key_id=fields["key_id"]).first()
    if row is not None:
        keys.delete_key(key=row)


def delete_parameter(fields: Fields) -> None:
    row = ConnectionParameter.objects.filter(
        provider=fields["provider_id"], param_name=fields["param_name"], environment=fields["environment"]
    ).first()
    if row is not None:
        parameters.delete_parameter(parameter=row)


def _provider(fields: Fields) -> Provider:
    row = Provider.objects.filter(provider_id=fields["provider_id"]).first()
    if row is None:
        raise refuse("provider_id", f'There is no provider "{fields["provider_id"]}".')
    return row


def _finish(row: Tracked, fields: Fields) -> None:
    """What no service takes as an argument (times that have passed, what a secret is bound to), as it was."""
    dumps.put(row, fields)
    row.save()
