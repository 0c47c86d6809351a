"""Applies the YAML configuration file: providers and routes by their natural keys.

What is missing is created, what the file says is written, what it does not name stays. The whole file is one change
set with origin `import`, or nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.history import change_set
from providers import services
from providers.errors import ConfigurationError
from providers.models import ApiKey, ConfigFileState, Provider, Route
from providers.problems import by_field
from providers.services.key import create_awaiting_key
from providers.services.provider import FIELDS as PROVIDER_FIELDS
from providers.services.route import FIELDS as ROUTE_FIELDS

VERSION = 1
_KEY_FIELDS = frozenset({"name", "environment", "weight", "enabled", "expires_at", "reference", "secret"})
_NESTED = frozenset({"connection_params", "connection_parameters", "api_keys", "models"})


@dataclass(frozen=True, slots=True)
class Report:
    """`applied` is false where the file is as it was last time. Names as in the history: `provider:openai`.

    `revision` is the one that this file made; None where it changed nothing.
    """

    applied: bool
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    revision: int | None = None


class _Loader(yaml.SafeLoader):
    """Times stay texts, and a name that stands twice is an error instead of a silent loss."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        merge = "tag:yaml.org,2002:merge"
        names = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != merge]
        for name in names:
            if not isinstance(name, str):
                raise ConfigurationError(f"line {node.start_mark.line + 1}: the name {name!r} must be quoted.")
            if names.count(name) > 1:
                raise ConfigurationError(f"line {node.start_mark.line + 1}: {name} stands here twice.")
        return super().construct_mapping(node, deep)


def apply(path: Path, *, force: bool = False) -> Report:
    """Applies the file at `path` where it changed since it was last applied, or in any case with `force`.

    Raises ConfigurationError: no such file, no YAML, or a field that is wrong, named by its path.
    """
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if not force and ConfigFileState.objects.filter(path=str(path), sha256=digest).exists():
        return Report(applied=False)
    document = _document(content)
    report = Report(applied=True)
    with change_set(origin="import", reason=f"configuration file {path.name}") as draft:
        for provider_id, body in _section(document, "providers").items():
            _apply_provider(provider_id, body, report)
        for name, body in _section(document, "routes").items():
            _apply_route(name, body, report)
        ConfigFileState.objects.update_or_create(
            path=str(path), defaults={"sha256": digest, "applied_at": timezone.now()}
        )
    return Report(True, report.created, report.updated, draft.revision if draft.wrote else None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read.") from error


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = yaml.load(content, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise ConfigurationError(f"The configuration file is no YAML{place}.") from None
    document = _mapping(document, "the file")
    _refuse_unknown(document, {"version", "providers", "routes", "projects"}, "")
    if document.get("version") != VERSION:
        raise ConfigurationError(f"version: it must be {VERSION}.")
    if document.get("projects"):
        raise ConfigurationError("projects: not supported yet in the configuration file.")
    return document


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _mapping(document.get(name), name)


def _apply_provider(provider_id: str, body: Any, report: Report) -> None:
    path = f"providers.{provider_id}"
    fields = dict(_mapping(body, path))
    _refuse_unknown(fields, {*PROVIDER_FIELDS, *_NESTED}, path)
    models = _mapping(fields.pop("models", None), f"{path}.models")
    items = [_mapping(item, f"{path}.models.{name}") for name, item in models.items()]
    fields["models"] = [{**item, "model_id": name} for name, item in zip(models, items, strict=True)]
    keys, awaiting = _keys(fields.pop("api_keys", None), f"{path}.api_keys")
    provider = Provider.objects.filter(provider_id=provider_id).first()
    (report.updated if provider else report.created).append(f"provider:{provider_id}")
    with _errors(path, list(models)):
        if provider is None:
            provider = services.create_provider(provider_id=provider_id, api_keys=keys, **fields)
        else:
            provider = services.update_provider(provider=provider, api_keys=keys, **fields)
        for key in awaiting:
            _keep_or_await(provider, key)


def _keys(items: Any, path: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Keys with a value or a reference, and keys whose value is stored elsewhere (`secret: {stored: ...}`)."""
    if items is None:
        return [], []
    if not isinstance(items, list):
        raise ConfigurationError(f"{path}: it must be a list.")
    entered, awaiting = [], []
    for place, item in enumerate(items):
        fields = dict(_mapping(item, f"{path}.{place}"))
        _refuse_unknown(fields, _KEY_FIELDS, f"{path}.{place}")
        secret = fields.pop("secret", None)
        if "expires_at" in fields:
            fields["expires_at"] = _time(fields["expires_at"], f"{path}.{place}.expires_at")
        if isinstance(secret, dict):
            _refuse_unknown(secret, {"stored"}, f"{path}.{place}.secret")
            awaiting.append(fields)
        else:
            entered.append(fields if secret is None else {**fields, "key_value": secret})
    return entered, awaiting


def _keep_or_await(provider: Provider, fields: Mapping[str, Any]) -> None:
    name, environment = fields.get("name", "default"), fields.get("environment", "")
    key = ApiKey.objects.filter(provider=provider, name=name, environment=environment).first()
    if key is None:
        create_awaiting_key(provider=provider, **fields)
    else:
        services.update_key(key=key, **fields)


def _apply_route(name: str, body: Any, report: Report) -> None:
    fields = _mapping(body, f"routes.{name}")
    _refuse_unknown(fields, set(ROUTE_FIELDS), f"routes.{name}")
    route = Route.objects.filter(name=name).first()
    (report.updated if route else report.created).append(f"route:{name}")
    with _errors(f"routes.{name}", []):
        if route is None:
            services.create_route(name=name, **fields)
        else:
            services.update_route(route=route, **fields)


@contextmanager
def _errors(path: str, models: list[str]) -> Iterator[None]:
    """Errors of services with the path of the field in the file: `providers.openai.models.gpt-4o.weight: ...`."""
    try:
        yield
    except ValidationError as error:
        lines = [f"{path}.{_in_file(name, models)}: {' '.join(messages)}" for name, messages in by_field(error).items()]
        raise ConfigurationError("\n".join(lines)) from error


def _in_file(name: str, models: list[str]) -> str:
    parts = name.split(".")
    if parts[0] == "models" and len(parts) > 1 and parts[1].isdigit():
        parts[1] = models[int(parts[1])]
    return ".".join(parts).removesuffix(".non_field_errors")


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    """A mapping; what stands in the file without a value is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: it must be a mapping of names to values.")
    return value


def _refuse_unknown(value: Mapping[str, Any], known: set[str] | frozenset[str], path: str) -> None:
    for name in sorted(set(value) - known):
        raise ConfigurationError(f"{path}.{name}".lstrip(".") + ": there is no such field.")


def _time(value: Any, path: str) -> Any:
    if value is None:
        return None
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise ConfigurationError(f"{path}: it must be a time such as 2030-01-31T12:00:00Z.")
    return found
