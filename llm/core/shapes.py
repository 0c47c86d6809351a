"""What may stand in a configuration file that is used without a database: names and types, field by field.

The file is the one of `providers.config_file`; a test holds that both know the same fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from llm.core.errors import ConfigurationError
from llm.core.reading import Document, Path

VERSION: Final = 1
SECTIONS: Final = ("providers", "routes", "projects")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")
_PART: Final = re.compile(r"\.?([^.\[\]`]+)|\[(\d*)(?:\.\.\.)?\]")
_Small = Annotated[int, Meta(ge=0, le=32_767)]
_Tokens = Annotated[int, Meta(ge=0, le=2_147_483_647)]
_Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_Rate = Annotated[int, Meta(ge=0, le=10**15)]
T = TypeVar("T")


class Stored(Struct, forbid_unknown_fields=True):
    """A secret that lies in a database."""

    stored: str


class Key(Struct, forbid_unknown_fields=True, kw_only=True):
    name: str = "default"
    key_id: str | None = None
    reference: str | None = None
    secret: str | Stored | None = None
    environment: str = ""
    weight: _Small = 1
    enabled: bool = True
    expires_at: str | None = None
    bound_to: str = ""
    last4: str = ""


class Parameter(Struct, forbid_unknown_fields=True, kw_only=True):
    param_name: str
    param_value: Any = None
    secret: Any = None
    is_sensitive: bool | None = None
    environment: str = ""
    bound_to: str = ""


class Rates(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    input: _Rate | None = None
    output: _Rate | None = None
    cache_read: _Rate | None = None
    cache_write_5m: _Rate | None = None
    cache_write_1h: _Rate | None = None
    reasoning: _Rate | None = None


class Tier(Rates, kw_only=True):
    from_tokens: Annotated[int, Meta(ge=1)]


class Price(Rates, kw_only=True, omit_defaults=False):
    valid_from: _Day = "1970-01-01"
    per_image: _Rate | None = None
    per_request: _Rate | None = None
    tiers: list[Tier] = []


class Model(Struct, forbid_unknown_fields=True, kw_only=True):
    display_name: str = ""
    model_type: Literal["chat", "completion", "embedding", "rerank", "image", "audio", "moderation"] = "chat"
    context_window: _Tokens | None = None
    max_tokens: _Tokens | None = None
    enabled: bool = True
    capabilities: list[str] = []
    parameters: dict[str, Any] = {}
    priority: _Small = 1
    weight: _Small = 1
    prices: list[Price] = []


class Provider(Struct, forbid_unknown_fields=True, kw_only=True):
    """Its nested objects are read each by itself, so that what is wrong is told with its line."""

    provider_type: str
    display_name: str = ""
    description: str = ""
    enabled: bool = True
    request_settings: dict[str, Any] = {}
    connection_params: dict[str, Any] | None = None
    connection_parameters: list[Any] | None = None
    api_keys: list[Any] | None = None
    models: dict[str, Any] | None = None


class Target(Struct, forbid_unknown_fields=True, kw_only=True):
    model: str
    priority: _Small = 1
    weight: _Small = 1
    enabled: bool = True


class Route(Struct, forbid_unknown_fields=True, kw_only=True):
    targets: list[Target]
    fallbacks: list[Target] = []
    description: str = ""
    enabled: bool = True
    strategy: str = "priority"
    policy: dict[str, Any] = {}


class Project(Struct, forbid_unknown_fields=True, kw_only=True):
    name: str = ""
    owner: str = ""
    enabled: bool = True
    allowed_models: list[str] = msgspec.field(default_factory=lambda: ["*"])
    default_route: str = ""
    tags: dict[str, str] = {}
    environment: str = ""
    accept_tasks: bool = False


@dataclass(frozen=True, slots=True)
class StatedProvider:
    """`parameters` are those of `connection_params` and of `connection_parameters`, each with its place in the file."""

    own: Provider
    parameters: tuple[tuple[Path, Parameter], ...]
    keys: tuple[tuple[Path, Key], ...]
    models: Mapping[str, Model]


@dataclass(frozen=True, slots=True)
class Stated:
    """All that a file says. `unused` are sections that mean nothing without a database."""

    document: Document
    providers: Mapping[str, StatedProvider]
    routes: Mapping[str, Route]
    projects: Mapping[str, Project]
    unused: tuple[str, ...]


def read(document: Document) -> Stated:
    """ConfigurationError, with line and path and without a value, for the first thing that is wrong."""
    root = document.value
    if not isinstance(root, Mapping) or root.get("version") != VERSION:
        raise ConfigurationError(f"{document.place(('version',))}: it must be {VERSION}.")
    sections = {name: _section(document, root.get(name), (name,)) for name in SECTIONS}
    providers = {name: _provider(document, name, body or {}) for name, body in sections["providers"].items()}
    routes = _named(document, sections["routes"], ("routes",), Route)
    projects = _named(document, sections["projects"], ("projects",), Project)
    unused = tuple(sorted(name for name in root if name not in ("version", *SECTIONS)))
    return Stated(document, providers, routes, projects, unused)


def _provider(document: Document, provider_id: str, body: Any) -> StatedProvider:
    path: Path = ("providers", provider_id)
    own = _shaped(document, path, body, Provider)
    plain = own.connection_params or {}
    parameters = [
        ((*path, "connection_params", name), Parameter(param_name=name, param_value=value))
        for name, value in plain.items()
    ]
    return StatedProvider(
        own,
        (*parameters, *_listed(document, own.connection_parameters, (*path, "connection_parameters"), Parameter)),
        tuple(_listed(document, own.api_keys, (*path, "api_keys"), Key)),
        _named(document, own.models or {}, (*path, "models"), Model),
    )


def _section(document: Document, value: Any, path: Path) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f"{document.place(path)}: it must be a mapping of names to values.")
    return value or {}


def _named(document: Document, bodies: Mapping[str, Any], path: Path, shape: type[T]) -> dict[str, T]:
    return {name: _shaped(document, (*path, name), body or {}, shape) for name, body in bodies.items()}


def _listed(document: Document, bodies: list[Any] | None, path: Path, shape: type[T]) -> list[tuple[Path, T]]:
    places = [((*path, place), body) for place, body in enumerate(bodies or [])]
    return [(place, _shaped(document, place, body or {}, shape)) for place, body in places]


def _shaped(document: Document, path: Path, body: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_told(document, path, str(error))) from None


def _told(document: Document, path: Path, message: str) -> str:
    what, _, inner = message.partition(" - at `$")
    parts = [int(place) if place else name for name, place in _PART.findall(inner.rstrip("`")) if name or place]
    unknown = _UNKNOWN.fullmatch(what)
    if unknown:
        return f"{document.place((*path, *parts, unknown[1]))}: there is no such field."
    return f"{document.place((*path, *parts))}: {what[0].lower()}{what[1:]}."
