"""How the gateway and its providers are, as it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llm_gateway_client.management.breaker_shapes import BreakerStatus
from llm_gateway_client.management.open_shape import OpenShape
from llm_gateway_client.management.provider_shapes import TestResult


@dataclass(slots=True)
class KeyStatus(OpenShape):
    key_id: str = ""
    name: str = ""
    environment: str = ""
    state: str = ""
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(slots=True)
class ExpiringKey(OpenShape):
    key_id: str = ""
    name: str = ""
    environment: str = ""
    expires_at: datetime | None = None
    days_left: float = 0.0


@dataclass(slots=True)
class Probe(OpenShape):
    """The gateway's own question, whether a provider is well. `failed_in_a_row` is how many failed up to this one."""

    success: bool = False
    error: str | None = None
    error_code: str | None = None
    model_tested: str | None = None
    duration_ms: int = 0
    key_id: str | None = None
    probed_at: datetime | None = None
    failed_in_a_row: int = 0


@dataclass(slots=True)
class ProviderStatus(OpenShape):
    """`requests` and `failed` are calls of the status's window, `attempts` and `failed_attempts` what was tried here
    for any call; `error_rate` is that of attempts, 0 to 1, None without any. `probe_interval_seconds` 0: no probes."""

    provider_id: str = ""
    display_name: str = ""
    provider_type: str = ""
    enabled: bool = True
    state: str = ""
    breaker: BreakerStatus | None = None
    open_incidents: int = 0
    last_test: TestResult | None = None
    probe_interval_seconds: int = 0
    last_probe: Probe | None = None
    requests: int = 0
    failed: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    error_rate: float | None = None
    last_call_at: datetime | None = None
    keys: list[KeyStatus] = field(default_factory=list)
    expiring_keys: list[ExpiringKey] = field(default_factory=list)


@dataclass(slots=True)
class Status(OpenShape):
    environment: str = ""
    revision: int = 0
    checked_at: datetime | None = None
    window: str = ""
    providers: list[ProviderStatus] = field(default_factory=list)


@dataclass(slots=True)
class Health(OpenShape):
    """It answers: it is alive."""

    status: str = ""


@dataclass(slots=True)
class Readiness(OpenShape):
    """`not_ready` names what keeps it from serving; `modes` tells what it runs with."""

    status: str = ""
    not_ready: list[str] = field(default_factory=list)
    modes: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.status == "ready"
