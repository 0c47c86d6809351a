"""Writes of keys and parameters as a configuration file states them: with the fingerprint of a value that is stored, or
was, in place of the value. What is known here is kept; what is not comes in disabled, and waits to be entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from audit.history import change_set
from providers import names, parameters, parameters_of_kinds, secrets
from providers.models import ApiKey, ConnectionParameter, Provider
from providers.problems import refuse
from providers.services.entry import bound_now
from providers.services.key import FIELDS as KEY_FIELDS
from providers.services.key import write_as_stated

_OF_A_SECRET = frozenset({"fingerprint", "last4", "bound_to", "reference"})


def has_secret(row: ApiKey | ConnectionParameter) -> bool:
    """Is a value or a reference stored, readable or not?"""
    if isinstance(row, ApiKey):
        return row.secret is not None or bool(row.reference)
    return row.secret_value is not None


def write_key(
    *, provider: Provider, key: ApiKey | None, key_id: str, fields: Mapping[str, Any], key_value: str | None = None
) -> ApiKey:
    """Writes `fields` (those of a key's dump) of `key`, or of a new one that gets `key_id`, if that is not empty.

    With a `reference` or `key_value` the key is bound to where the provider leads now, but for a reference whose
    `bound_to` is stated. A `fingerprint` alone keeps the value that is stored. An `expires_at` may be over.
    """
    with change_set():
        if key is None:
            key = ApiKey(provider=provider, key_id=key_id or f"key-{token_hex(6)}")
        else:
            key.refresh_from_db()
        said = {name: value for name, value in fields.items() if name in KEY_FIELDS}
        for name in fields.keys() - _OF_A_SECRET - said.keys():
            setattr(key, name, ApiKey._meta.get_field(name).to_python(fields[name]))
        if key_value is not None:
            said["key_value"] = key_value
        elif "reference" in fields:
            _refer(key, fields, said)
        elif not has_secret(key):
            _await(key, fields, said)
        return write_as_stated(key=key, fields=said)


def _refer(key: ApiKey, fields: Mapping[str, Any], said: dict[str, Any]) -> None:
    if "bound_to" not in fields:
        said["reference"] = fields["reference"]
        return
    key.reference = secrets.clean_reference(fields["reference"])
    key.secret, key.fingerprint, key.last4 = None, "", ""
    key.bound_to = fields["bound_to"]


def _await(key: ApiKey, fields: Mapping[str, Any], said: dict[str, Any]) -> None:
    key.fingerprint, key.last4 = fields.get("fingerprint", key.fingerprint), fields.get("last4", key.last4)
    environment = said.get("environment", key.environment)
    names.check_environment(environment)
    # Without a value the binding says nothing yet: entering the value binds it anew.
    key.bound_to = fields["bound_to"] if "bound_to" in fields else bound_now(key.provider_id, environment)
    said["enabled"] = False


def write_awaiting_parameter(
    *, provider: Provider, param_name: str, environment: str, fields: Mapping[str, Any]
) -> None:
    """A sensitive parameter that waits for its value, where none is stored. `fields`: fingerprint, bound_to."""
    name = parameters.clean_name(param_name)
    names.check_environment(environment)
    if name in parameters.ALWAYS_PLAIN:
        raise refuse("is_sensitive", f"{name} is no secret: stored keys are bound to it, so it must be visible.")
    with change_set():
        found = ConnectionParameter.objects.filter(provider=provider, param_name=name, environment=environment).first()
        if found is None:
            parameters_of_kinds.check(provider.provider_type, name)
        row = found or ConnectionParameter(provider=provider, param_name=name, environment=environment)
        if has_secret(row):
            return
        row.is_sensitive, row.value = True, None
        row.fingerprint = fields.get("fingerprint", row.fingerprint)
        stated = fields.get("bound_to")
        row.bound_to = bound_now(provider.provider_id, environment, entering=row) if stated is None else stated
        row.clean_fields(exclude=["provider", "value", "secret_value"])
        row.save()
