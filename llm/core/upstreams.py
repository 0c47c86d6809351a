"""A provider as the file states it -> the upstream that is called. What `providers.snapshot_part` does with rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from llm.adapters import parameters
from llm.adapters.kinds import OPEN, Kind, normal_base_url
from llm.core.errors import ConfigurationError
from llm.core.reading import Document, Path
from llm.core.shapes import Key, Parameter, StatedProvider, Stored
from llm.core.surroundings import Surroundings
from llm.references import ReferenceMissing, is_mask, resolve
from llm.snapshot import Upstream, UpstreamKey

_MERGED: Final = ("extra_headers", "extra_body")


@dataclass(slots=True)
class _Settings:
    """`values` by name; `closed`: the provider must not be called."""

    values: dict[str, Any]
    closed: bool = False


@dataclass(slots=True)
class Building:
    """One provider on its way. `notes` is filled with what is left out, a sentence each, without a secret."""

    provider_id: str
    stated: StatedProvider
    kind: Kind
    document: Document
    surroundings: Surroundings
    notes: list[str] = field(default_factory=list)

    def upstream(self) -> Upstream:
        """ConfigurationError for a value that no parameter can have."""
        kind_name = self.stated.own.provider_type
        settings = self._settings()
        values = settings.values
        base_url = normal_base_url(kind_name, str(values.get("api_base") or self.kind.default_base_url))
        if not base_url:
            self.notes.append(f"{self.provider_id} has no api_base: it cannot be called.")
            settings.closed = True
        keys = tuple(self._keys())
        # A provider for which keys are stated is never called without one because none of them can be used.
        wants_key = settings.closed or self.kind.needs_key or any(key.enabled for _, key in self.stated.keys)
        return Upstream(
            provider_id=self.provider_id,
            kind=kind_name,
            base_url=base_url,
            keys=() if settings.closed else keys,
            needs_key=wants_key,
            headers=parameters.headers(values, self.kind.parameters.__contains__),
            extra_body=dict(values.get("extra_body") or {}),
            options={name: values[name] for name in self.kind.options if name in values},
            timeouts=parameters.timeouts(values),
            connection=parameters.connection(values, allow_private=self.surroundings.allow_private),
        )

    def _settings(self) -> _Settings:
        """request_settings under connection parameters; without its proxy a provider is not called at all."""
        path: Path = ("providers", self.provider_id, "request_settings")
        found = {
            name: self._checked((*path, name), name, value)
            for name, value in self.stated.own.request_settings.items()
            if name in parameters.REQUEST_SETTINGS
        }
        settings = _Settings(found)
        for name, (place, parameter) in self._effective().items():
            value = parameter.param_value if parameter.secret is None else parameter.secret
            if _is_stored(value):
                settings.closed = settings.closed or name == "proxy"
                self.notes.append(f"{self.provider_id}: {name} is a secret of a database, and is left out.")
                continue
            value = self._checked(place, name, value)
            found[name] = {**found.get(name, {}), **value} if name in _MERGED else value
        return settings

    def _effective(self) -> dict[str, tuple[Path, Parameter]]:
        """The parameters that hold here, by name: an exact environment beats none."""
        here = self.surroundings.environment
        seen: set[tuple[str, str]] = set()
        found: dict[str, tuple[Path, Parameter]] = {}
        for place, parameter in self.stated.parameters:
            name = parameters.canonical(parameter.param_name)
            if (name, parameter.environment) in seen:
                raise ConfigurationError(f"{self.document.place(place)}: {name} stands in the file twice.")
            seen.add((name, parameter.environment))
            if name not in self.kind.parameters and self.stated.own.provider_type not in OPEN:
                self.notes.append(f"{self.provider_id}: its kind knows no parameter {name}; it is left out.")
            elif parameter.environment == here or (not parameter.environment and name not in found):
                found[name] = place, parameter
        return found

    def _checked(self, place: Path, name: str, value: Any) -> Any:
        if value is None:
            raise ConfigurationError(f"{self.document.place(place)}: it must not be null.")
        try:
            return parameters.checked(name, value, allow_private=self.surroundings.allow_private)
        except ValueError as error:
            raise ConfigurationError(f"{self.document.place(place)}: {error}") from None

    def _keys(self) -> Iterator[UpstreamKey]:
        """Those of this environment, or where there are none those of every one."""
        enabled = [(place, key) for place, key in self.stated.keys if key.enabled]
        here = self.surroundings.environment
        exact = [item for item in enabled if item[1].environment == here]
        for place, key in exact or [item for item in enabled if not item[1].environment]:
            ends = self._ends(place, key)
            secret = self._secret(place, key)
            if secret is not None and (ends is None or ends.timestamp() > time.time()):
                yield UpstreamKey(key.key_id or key.name, secret, weight=key.weight, expires_at=ends)

    def _secret(self, place: Path, key: Key) -> str | None:
        """None, with a note, where it cannot be had here."""
        if (key.secret is None) == (key.reference is None):
            raise ConfigurationError(f"{self.document.place(place)}: give either a reference or a secret.")
        why = ""
        if key.bound_to:
            why = "must be entered anew, as the provider's address has changed"
        elif isinstance(key.secret, Stored):
            why = "is a secret of a database"
        elif key.reference is not None:
            try:
                return resolve(key.reference, self.surroundings.references)
            except ReferenceMissing as error:
                why = f"cannot be read: {error}"
        elif not _usable(key.secret.strip() if key.secret else ""):
            why = "is no key"
        if why:
            self.notes.append(f"{self.provider_id}: the key {key.name} {why}; it is left out.")
            return None
        return str(key.secret).strip()

    def _ends(self, place: Path, key: Key) -> datetime | None:
        if key.expires_at is None:
            return None
        try:
            ends = datetime.fromisoformat(key.expires_at)
        except ValueError:
            ends = datetime.min
        if ends.tzinfo is None:
            shown = self.document.place((*place, "expires_at"))
            raise ConfigurationError(f"{shown}: it must be a time such as 2030-01-31T12:00:00Z.")
        return ends


def _usable(secret: str) -> bool:
    return not is_mask(secret) and secret.isascii() and secret.isprintable() and " " not in secret


def _is_stored(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"stored"}
