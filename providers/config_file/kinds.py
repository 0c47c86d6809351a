"""The kinds of objects that a configuration holds, and how each is written: through the services, as by any door.

Providers, their children and routes are known here. A floor above registers its own section (`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.history import Tracked
from providers import services
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route
from providers.services.model import FIELDS as MODEL_FIELDS
from providers.services.provider import FIELDS as PROVIDER_FIELDS
from providers.services.route import FIELDS as ROUTE_FIELDS

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """Objects that stand at the top level of the file: `section: {name: {field: value}}`.

    `kind` is the beginning of their names in the history ("route:fast"), `key` the column of the name. `create`,
    `update` and `delete` are services: create(name, fields), update(row, fields), delete(row).
    """

    kind: str
    section: str
    model: type[Tracked]
    key: str
    fields: Sequence[str]
    create: Callable[[str, Fields], Any]
    update: Callable[[Any, Fields], Any]
    delete: Callable[[Any], None]


# Of these the section `providers` is made.
PROVIDER_KIND, MODEL_KIND = "provider", "model"
KEY_KIND, PARAMETER_KIND = "api_key", "parameter"
OF_PROVIDERS: Mapping[str, type[Tracked]] = {
    PROVIDER_KIND: Provider,
    PARAMETER_KIND: ConnectionParameter,
    KEY_KIND: ApiKey,
    MODEL_KIND: ProviderModel,
}
CHILDREN = (PARAMETER_KIND, KEY_KIND, MODEL_KIND)
FIELDS_OF = {PROVIDER_KIND: PROVIDER_FIELDS, MODEL_KIND: MODEL_FIELDS}

_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    _sections[section.kind] = section


def sections() -> Mapping[str, Section]:
    """By kind, in the order in which they are written: each may name what stands before it."""
    return {"route": _ROUTES, **_sections}


def models() -> Mapping[str, type[Tracked]]:
    """The tracked models whose rows make up a configuration, by kind, in the order in which they are written."""
    return {**OF_PROVIDERS, **{kind: section.model for kind, section in sections().items()}}


def kind_of(name: str) -> str:
    return name.partition(":")[0]


def provider_of(name: str) -> str | None:
    """The provider that a child belongs to ("model:openai/gpt-4o" -> "provider:openai"); None for all else."""
    kind, _, rest = name.partition(":")
    return f"{PROVIDER_KIND}:{rest.partition('/')[0]}" if kind in CHILDREN else None


def _create_route(name: str, fields: Fields) -> Any:
    return services.create_route(name=name, **fields)


def _update_route(row: Any, fields: Fields) -> Any:
    return services.update_route(route=row, **fields)


def _delete_route(row: Any) -> None:
    services.delete_route(route=row)


_ROUTES = Section("route", "routes", Route, "name", ROUTE_FIELDS, _create_route, _update_route, _delete_route)
