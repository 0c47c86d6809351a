"""Writes of a provider's keys. A key is bound to where the provider leads at the moment when it is entered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from secrets import token_hex
from typing import Any

from django.utils import timezone

from audit.errors import Duplicate
from audit.history import change_set
from providers import names, secrets
from providers.models import ApiKey, Provider
from providers.problems import Problems, assign, check_columns, refuse
from providers.services.entry import bound_now

FIELDS = ("name", "environment", "weight", "enabled", "expires_at")
SECRET_FIELDS = ("key_value", "reference")


def create_key(*, provider: Provider, **fields: Any) -> ApiKey:
    """`fields` are those of FIELDS and either `key_value` (the text) or `reference` (env:NAME, file:NAME).

    Duplicate where the provider has a key of this name and environment.
    """
    key = ApiKey(provider=provider, key_id=f"key-{token_hex(6)}")
    if not any(fields.get(name) is not None for name in SECRET_FIELDS):
        raise refuse("key_value", "Either key_value or reference is required.")
    return _write(key, fields, changed=FIELDS)


def create_awaiting_key(*, provider: Provider, key_id: str | None = None, **fields: Any) -> ApiKey:
    """A key whose value is not known here: disabled, until it is entered. `key_id` is that of a key that comes back."""
    key = ApiKey(provider=provider, key_id=key_id or f"key-{token_hex(6)}")
    return _write(key, {**fields, "enabled": False}, changed=FIELDS)


def write_as_stated(*, key: ApiKey, fields: Mapping[str, Any]) -> ApiKey:
    """For `services.stated`: what is set on `key` already is taken as it is, and an expiry may be over."""
    return _write(key, fields, changed=())


def update_key(*, key: ApiKey, **fields: Any) -> ApiKey:
    """Only what `fields` says changes. `key_value` or `reference` replaces the secret in place, and binds it anew;
    absent or None keeps it."""
    if fields.pop("key_id", None) not in (None, key.key_id):
        raise refuse("key_id", "It never changes after creation.")
    with change_set():
        key.refresh_from_db()
        return _write(key, fields, changed=fields)


def delete_key(*, key: ApiKey) -> None:
    """Calls stop using it within a second; its history stays."""
    with change_set():
        key.delete()


def write_key(*, provider: Provider, item: Mapping[str, Any], problems: Problems, path: str) -> None:
    """A key in a provider's body: updates the one of its key_id, else of its name and environment, else adds it."""
    with problems.under(path):
        fields = dict(item)
        if fields.pop("provider_id", provider.provider_id) != provider.provider_id:
            raise refuse("provider_id", "It must be the provider that the key is nested in.")
        key = _stored(provider, fields)
        if key is None:
            fields.pop("key_id", None)
            create_key(provider=provider, **fields)
            return
        update_key(key=key, **without_echo(key, fields))


def without_echo(key: ApiKey, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body with a `key_id` is an answer sent back: its unchanged reference is no entry that would bind it anew."""
    kept = dict(fields)
    if kept.get("key_id") and kept.get("reference") == key.reference:
        del kept["reference"]
    return kept


def _stored(provider: Provider, fields: Mapping[str, Any]) -> ApiKey | None:
    keys = ApiKey.objects.filter(provider=provider)
    if fields.get("key_id"):
        key = keys.filter(key_id=fields["key_id"]).first()
        if key is None:
            raise refuse("key_id", "The provider has no such key.")
        return key
    return keys.filter(name=fields.get("name", "default"), environment=fields.get("environment", "")).first()


def _write(key: ApiKey, fields: Mapping[str, Any], *, changed: Collection[str]) -> ApiKey:
    given = {name: fields[name] for name in SECRET_FIELDS if fields.get(name) is not None}
    if len(given) > 1 and given["reference"] == "":
        del given["reference"]  # a form whose reference was cleared for a value
    with change_set():
        assign(key, {name: value for name, value in fields.items() if name not in SECRET_FIELDS}, allowed=FIELDS)
        _check(key, given, changed=changed)
        if given:
            _enter(key, **given)
        key.save()
    return key


def _enter(key: ApiKey, *, key_value: Any = None, reference: Any = None) -> None:
    if key_value is not None:
        key.secret = secrets.clean_key(key_value)
        key.reference = ""
        key.fingerprint = secrets.fingerprint(key.secret)
        key.last4 = secrets.last4(key.secret)
    else:
        key.reference = secrets.clean_reference(reference)
        key.secret, key.fingerprint, key.last4 = None, "", ""
    key.bound_to = bound_now(key.provider_id, key.environment)


def _check(key: ApiKey, given: Mapping[str, Any], *, changed: Collection[str]) -> None:
    problems = Problems()
    check_columns(key, problems, exclude=["secret", "weight", "environment", "expires_at", "reference"])
    with problems.under():
        names.check_environment(key.environment)
    with problems.under():
        names.check_whole_number("weight", key.weight, largest=names.LARGEST_SMALL)
    if len(given) > 1:
        problems.add("reference", "Give either key_value or reference.")
    elif "key_value" in given:
        with problems.under():
            secrets.clean_key(given["key_value"])
    elif "reference" in given:
        with problems.under():
            secrets.clean_reference(given["reference"])
    if "expires_at" in changed and _expiry_is_new(key):
        _check_expiry(key, problems)
    problems.raise_found()
    same = ApiKey.objects.filter(provider=key.provider_id, name=key.name, environment=key.environment)
    if same.exclude(pk=key.pk).exists():
        raise Duplicate({"name": [f'The provider has a key "{key.name}" in this environment already.']})


def _expiry_is_new(key: ApiKey) -> bool:
    # What was right when it was entered is not asked again: else a key that ended could not be edited any more.
    return not ApiKey.objects.filter(pk=key.pk, expires_at=key.expires_at).exists()


def _check_expiry(key: ApiKey, problems: Problems) -> None:
    if key.expires_at is None:
        return
    if not hasattr(key.expires_at, "tzinfo") or timezone.is_naive(key.expires_at):
        problems.add("expires_at", "It must be a date and time with a time zone.")
    elif key.expires_at <= timezone.now():
        problems.add("expires_at", "It must lie in the future.")
