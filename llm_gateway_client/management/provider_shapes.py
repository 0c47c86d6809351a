"""Providers, and what belongs to them, as the management API answers. Times have a zone (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from llm_gateway_client.management.open_shape import OpenShape, Tracked


@dataclass(slots=True)
class Model(Tracked):
    """`context_window` and `max_tokens` are tokens. `priority`: the lower goes first among the providers of a model id,
    `weight` is the share among equals. `prices` in nano-USD per million tokens."""

    model_id: str = ""
    provider_id: str = ""
    display_name: str = ""
    model_type: str = ""
    context_window: int | None = None
    max_tokens: int | None = None
    enabled: bool = True
    capabilities: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    weight: int = 0
    prices: list[dict[str, Any]] = field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class ApiKey(Tracked):
    """A provider's key; its value never comes back. `environment` is empty for every environment."""

    key_id: str = ""
    provider_id: str = ""
    name: str = ""
    reference: str | None = None
    fingerprint: str = ""
    last4: str = ""
    environment: str = ""
    weight: int = 0
    enabled: bool = True
    state: str = ""
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    is_encrypted: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class RotatedKey(ApiKey):
    """The new key, and the one that it takes over from."""

    previous: ApiKey | None = None


@dataclass(slots=True)
class ConnectionParameter(Tracked):
    """`param_value` is null where it is sensitive."""

    param_name: str = ""
    provider_id: str = ""
    param_value: Any = None
    is_sensitive: bool = False
    environment: str = ""
    fingerprint: str = ""
    state: str = ""
    warnings: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class TestResult(OpenShape):
    """A failed test is an answer too. `response` is the beginning of what the model said."""

    __test__ = False  # no test of pytest's

    success: bool = False
    message: str = ""
    provider_id: str = ""
    model_tested: str | None = None
    response: str | None = None
    duration_ms: int = 0
    error: str | None = None
    error_code: str | None = None
    tested_at: datetime | None = None


@dataclass(slots=True)
class Provider(Tracked):
    """`connection_params` are the plain values that hold for every environment, `connection_parameters` all rows."""

    provider_id: str = ""
    display_name: str = ""
    provider_type: str = ""
    description: str = ""
    enabled: bool = True
    connection_params: dict[str, Any] = field(default_factory=dict)
    connection_parameters: list[ConnectionParameter] = field(default_factory=list)
    request_settings: dict[str, Any] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    api_keys: list[ApiKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    last_test: TestResult | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(slots=True)
class ListedModel(OpenShape):
    """As the provider lists it, with what the gateway's own catalogue knows of it."""

    model_id: str = ""
    display_name: str = ""
    model_type: str = ""
    context_window: int | None = None
    max_tokens: int | None = None
    prices: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class KnownModel(ListedModel):
    enabled: bool = True


@dataclass(slots=True)
class GoneModel(OpenShape):
    """Stored, and not listed any more."""

    model_id: str = ""
    display_name: str = ""
    enabled: bool = True


@dataclass(slots=True)
class Discovery(OpenShape):
    """`added` are the model ids of `apply=` that were stored."""

    success: bool = False
    message: str = ""
    provider_id: str = ""
    new: list[ListedModel] = field(default_factory=list)
    known: list[KnownModel] = field(default_factory=list)
    gone: list[GoneModel] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(slots=True)
class SyncedProvider(OpenShape):
    """`yaml` is what the file now says of the provider."""

    provider_id: str = ""
    yaml: str = ""


@dataclass(slots=True)
class UsageDay(OpenShape):
    """A day (UTC) with calls."""

    day: date | None = None
    requests: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0


@dataclass(slots=True)
class KeyUsage(OpenShape):
    """Newest day first; both ends are included."""

    provider_id: str = ""
    key_id: str = ""
    since: date | None = None
    until: date | None = None
    days: list[UsageDay] = field(default_factory=list)
