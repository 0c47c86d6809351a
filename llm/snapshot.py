"""The configuration as the data plane sees it: frozen, whole, and swapped by one reference.

The control plane builds the parts (`providers.snapshot_part`, `access.snapshot_part`), `gateway_project.wiring`
puts them together; models of the database never cross.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from llm.errors import GatewayUnavailable
from llm.prices import Price
from llm.spec import Connection, Timeouts

Strategy = Literal["priority", "weighted", "round_robin", "least_latency", "lowest_cost", "least_busy"]
Affinity = Literal["none", "session", "conversation"]
Unsupported = Literal["drop", "refuse"]


@dataclass(frozen=True, slots=True)
class UpstreamKey:
    """A usable key of a provider, decrypted. `repr` never shows the secret; `fingerprint` tells one value of the key
    from the next without showing any."""

    key_id: str
    secret: str = field(repr=False)
    weight: int = 1
    expires_at: datetime | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """An enabled provider. `base_url` has no trailing slash; `headers` and `extra_body` are what the operator adds
    to every call; `options` are the kind's own connection parameters; `needs_key` is false for kinds that serve without
    one."""

    provider_id: str
    kind: str
    base_url: str
    keys: tuple[UpstreamKey, ...] = ()
    needs_key: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, object] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    timeouts: Timeouts = Timeouts()
    connection: Connection = Connection()


@dataclass(frozen=True, slots=True)
class Model:
    """An enabled model of an enabled provider. `model_id` `*` allows every model of the provider.

    `context_window` and `max_tokens` are in tokens; `parameters` are defaults for fields that a call leaves out.
    `capabilities` are the operator's words (see `llm.policies.capability`), empty where nobody has said.
    `priority` and `weight` choose among providers where a call names the model id alone.
    `prices` are in any order (see `llm.prices.price_at`), empty where none is kept.
    """

    provider_id: str
    model_id: str
    display_name: str = ""
    model_type: str = "chat"
    context_window: int | None = None
    max_tokens: int | None = None
    capabilities: frozenset[str] = frozenset()
    parameters: Mapping[str, object] = field(default_factory=dict)
    priority: int = 1
    weight: int = 1
    created: int = 0
    prices: tuple[Price, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """`provider_id` and `model_id` of a model; lower `priority` first, `weight` among equals."""

    provider_id: str
    model_id: str
    priority: int = 1
    weight: int = 1


@dataclass(frozen=True, slots=True)
class StreamGuard:
    """How much of a stream is held back, so that one that dies early falls back unseen: its first `characters` of text,
    or (None) all of it until its finish."""

    characters: int | None


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second attempt where the first is slow; `max_share` of the route's calls at most, from 0 to 1."""

    max_share: float


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """`retries` are further attempts over all targets; None: the provider's own limit (seconds) holds.

    `content_filter_fallback`: is a refusal for the content tried elsewhere? `unsupported`: what becomes of a field that
    a candidate cannot carry. `affinity`: calls of one session (a header), or of one conversation (its first message)
    where no header says it, go to the same target. `most_input_price`, `most_output_price`: dearer models are passed
    over (nano-USD per million tokens).
    """

    retries: int = 2
    timeout_seconds: float | None = None
    connect_timeout_seconds: float | None = None
    first_token_timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    content_filter_fallback: bool = False
    unsupported: Unsupported = "drop"
    stream_guard: StreamGuard | None = None
    affinity: Affinity = "none"
    most_input_price: int | None = None
    most_output_price: int | None = None
    hedge: Hedge | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A name that callers use for a choice of models. `strategy`: see `llm.policies.route`."""

    name: str
    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[RouteTarget, ...] = ()
    strategy: Strategy = "priority"
    policy: RoutePolicy = RoutePolicy()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: one key of a project, or (key_id None) the project itself, for Celery tasks.

    `allowed_models` are route names, `provider/model` or model ids; `*` allows all; a key's list narrows its project's.
    """

    project: str
    key_id: str | None
    allowed_models: tuple[str, ...] = ("*",)
    key_allowed_models: tuple[str, ...] = ("*",)
    default_route: str | None = None
    expires_at: datetime | None = None
    accept_tasks: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProvidersPart:
    upstreams: Mapping[str, Upstream]
    models: Mapping[tuple[str, str], Model]
    routes: Mapping[str, Route]


@dataclass(frozen=True, slots=True)
class CallersPart:
    """`by_key_hash`: SHA-256 digest of the key's text -> Caller. `by_project`: slug -> Caller without a key."""

    by_key_hash: Mapping[bytes, Caller]
    by_project: Mapping[str, Caller]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One revision of the configuration, in one environment. `resolved` is for what has been worked out of it (see
    `llm.policies.route`): it lives as long as the snapshot does."""

    revision: int
    environment: str
    providers: ProvidersPart
    callers: CallersPart
    models_by_id: Mapping[str, tuple[Model, ...]] = field(init=False)
    resolved: dict[tuple[int, str], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_id: dict[str, tuple[Model, ...]] = {}
        for model in self.providers.models.values():
            by_id[model.model_id] = (*by_id.get(model.model_id, ()), model)
        object.__setattr__(self, "models_by_id", MappingProxyType(by_id))


class Holder:
    """Holds the current snapshot. Read `current` once per call and pass it on."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot

    @property
    def ready(self) -> bool:
        return self._snapshot is not None

    @property
    def current(self) -> Snapshot:
        """Raises GatewayUnavailable while the process has no configuration yet."""
        if self._snapshot is None:
            raise GatewayUnavailable("The gateway has not loaded its configuration yet.", retry_after=1)
        return self._snapshot

    def swap(self, snapshot: Snapshot) -> None:
        """One reference: calls under way keep the snapshot that they began with."""
        self._snapshot = snapshot
