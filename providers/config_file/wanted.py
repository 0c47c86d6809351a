"""A document that fits the schema -> the objects that it wants, by name, with the fields that it states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from llm.core.reading import Document, Path
from providers import parameters, secrets
from providers.config_file import kinds
from providers.errors import ConfigurationError

NESTED = ("connection_params", "connection_parameters", "api_keys", "models")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`fields` have the names and forms of a dump (a literal secret is its fingerprint here); `path` is its place in
    the file. `secret` is the literal value of a key or sensitive parameter, which is kept nowhere else."""

    name: str
    path: Path
    fields: Mapping[str, Any]
    provider_id: str = ""
    own_key: str = ""
    secret: Any = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        return kinds.kind_of(self.name)


def objects(document: Document) -> dict[str, Wanted]:
    """By name, in the order of the file. A key without a `key_id` is "api_key:PROVIDER/NAME@ENVIRONMENT".

    ConfigurationError where two of them are the same object.
    """
    found: dict[str, Wanted] = {}
    for item in _all(document):
        if item.name in found:
            raise ConfigurationError(f"{document.place(item.path)}: {item.name} stands in the file twice.")
        found[item.name] = item
    return found


def _all(document: Document) -> Iterator[Wanted]:
    root = document.value or {}
    for provider_id, body in (root.get("providers") or {}).items():
        yield from _provider(document, provider_id, body or {})
    for section in kinds.sections().values():
        for name, body in (root.get(section.section) or {}).items():
            yield Wanted(f"{section.kind}:{name}", (section.section, name), body or {}, own_key=name)


def _provider(document: Document, provider_id: str, body: Mapping[str, Any]) -> Iterator[Wanted]:
    path: Path = ("providers", provider_id)
    own = {name: value for name, value in body.items() if name not in NESTED}
    yield Wanted(f"provider:{provider_id}", path, own, provider_id, provider_id)
    for name, value in (body.get("connection_params") or {}).items():
        fields = {"param_name": name, "param_value": value}
        yield _parameter(document, provider_id, (*path, "connection_params", name), fields)
    for place, fields in enumerate(body.get("connection_parameters") or []):
        yield _parameter(document, provider_id, (*path, "connection_parameters", place), fields or {})
    for place, fields in enumerate(body.get("api_keys") or []):
        yield _key(document, provider_id, (*path, "api_keys", place), fields or {})
    for model_id, fields in (body.get("models") or {}).items():
        name = f"model:{provider_id}/{model_id}"
        yield Wanted(name, (*path, "models", model_id), fields or {}, provider_id, model_id)


def _parameter(document: Document, provider_id: str, path: Path, said: Mapping[str, Any]) -> Wanted:
    fields = {"is_sensitive": "secret" in said, "environment": "", **said}
    name = fields["param_name"] = parameters.canonical(fields["param_name"])
    secret = fields.pop("secret", None)
    value = fields.pop("param_value", None)
    if secret is not None and (value is not None or not fields["is_sensitive"]):
        raise ConfigurationError(f"{document.place(path)}: give a param_value or, if it is sensitive, a secret.")
    if not fields["is_sensitive"]:
        fields["value"] = value
        secret = None
    elif isinstance(secret, dict):
        fields["fingerprint"], secret = secret["stored"], None
    else:
        secret = value if secret is None else secret
        if secret is None:
            raise ConfigurationError(f"{document.place(path)}: a sensitive parameter needs a secret.")
        fields["fingerprint"] = secrets.fingerprint(parameters.encode(secret))
    full_name = f"parameter:{provider_id}/{name}@{fields['environment']}"
    return Wanted(full_name, path, fields, provider_id, name, secret)


def _key(document: Document, provider_id: str, path: Path, said: Mapping[str, Any]) -> Wanted:
    fields = {"name": "default", "environment": "", **said}
    secret = fields.pop("secret", None)
    if (secret is None) == ("reference" not in fields):
        raise ConfigurationError(f"{document.place(path)}: give either a reference or a secret.")
    if isinstance(secret, dict):
        fields["fingerprint"], secret = secret["stored"], None
    elif secret is not None:
        fields["fingerprint"] = secrets.fingerprint(secret.strip())
    if fields.get("expires_at") is not None:
        fields["expires_at"] = _time(document, (*path, "expires_at"), fields["expires_at"])
    key_id = fields.pop("key_id", None)
    own_key = key_id or f"{fields['name']}@{fields['environment']}"
    return Wanted(f"api_key:{provider_id}/{own_key}", path, fields, provider_id, key_id or "", secret)


def _time(document: Document, path: Path, text: str) -> str:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or timezone.is_naive(found):
        raise ConfigurationError(f"{document.place(path)}: it must be a time such as 2030-01-31T12:00:00Z.")
    return found.astimezone(UTC).isoformat()


def stored_names(
    document: Document, found: Mapping[str, Wanted], states: Mapping[str, Mapping[str, Any]]
) -> dict[str, Wanted]:
    """The same objects under the names of the stored ones that they mean. ConfigurationError where two mean one."""
    named = resolver(states)
    renamed: dict[str, Wanted] = {}
    for item in found.values():
        name = named(item.name, item.fields)
        if name in renamed:
            raise ConfigurationError(f"{document.place(item.path)}: {name} stands in the file twice.")
        renamed[name] = item if name == item.name else replace(item, name=name)
    return renamed


def resolver(states: Mapping[str, Mapping[str, Any]]) -> Callable[[str, Mapping[str, Any]], str]:
    """The name of the stored object that a file's name and fields mean: of a key that is not stored under its key_id
    the one of its own name and environment."""
    stored = {
        (state["provider_id"], state["name"], state["environment"]): name
        for name, state in states.items()
        if kinds.kind_of(name) == kinds.KEY_KIND
    }

    def resolved(name: str, fields: Mapping[str, Any]) -> str:
        if kinds.kind_of(name) != kinds.KEY_KIND or name in states:
            return name
        provider_id = name.partition(":")[2].partition("/")[0]
        return stored.get((provider_id, fields["name"], fields["environment"]), name)

    return resolved
