"""What goes into writes and lists. All of it may be left out; None is sent, and empties what may be empty.

The gateway refuses what it does not know (InvalidFields), so a field of a newer one can be given as it is named there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

Texts = Sequence[str]
Moment = datetime | str | None  # a text is ISO 8601


class ModelFields(TypedDict, total=False):
    display_name: str
    model_type: str
    context_window: int | None
    max_tokens: int | None
    enabled: bool
    capabilities: Texts
    parameters: Mapping[str, Any]
    priority: int
    weight: int
    prices: Sequence[Mapping[str, Any]]


class ModelBody(ModelFields):
    model_id: str


class KeyFields(TypedDict, total=False):
    """`key_value`, or `reference` ("env:NAME", "file:NAME")."""

    name: str
    key_value: str | None
    reference: str | None
    environment: str
    weight: int
    enabled: bool
    expires_at: Moment


class KeyBody(KeyFields, total=False):
    key_id: str


class ParameterChanges(TypedDict, total=False):
    param_value: Any
    is_sensitive: bool


class ParameterBody(ParameterChanges):
    param_name: str
    environment: NotRequired[str]


class ProviderFields(TypedDict, total=False):
    """`connection_params` is an object of names and values, `connection_parameters` the same by rows."""

    display_name: str
    description: str
    enabled: bool
    connection_params: Mapping[str, Any]
    connection_parameters: Sequence[ParameterBody]
    request_settings: Mapping[str, Any]
    models: Sequence[ModelBody]
    api_key: KeyBody | None
    api_keys: Sequence[KeyBody]


class ProviderChanges(ProviderFields, total=False):
    provider_type: str


class RotateFields(TypedDict, total=False):
    """`grace_hours`: how long the old key stays as a fallback (24 where it is left out)."""

    key_value: str | None
    reference: str | None
    expires_at: Moment
    grace_hours: float


class TargetFields(TypedDict, total=False):
    priority: int
    weight: int
    enabled: bool


class TargetBody(TargetFields):
    """`model` is "provider/model"."""

    model: str


class StreamGuard(TypedDict, total=False):
    """How much of a stream is held back: so many `characters`, or all of it (`until` "finish")."""

    characters: int
    until: str


class PriceCap(TypedDict, total=False):
    """USD per million tokens."""

    input: float
    output: float


class Hedge(TypedDict, total=False):
    """`max_share` of the route's calls may be made twice, 0.5 at most."""

    max_share: float


class PolicyFields(TypedDict, total=False):
    """`unsupported` is drop or refuse, `affinity` session or conversation. See docs/routes.md."""

    retries: int
    timeout_seconds: float | None
    connect_timeout_seconds: float | None
    first_token_timeout_seconds: float | None
    idle_timeout_seconds: float | None
    content_filter_fallback: bool
    unsupported: str
    stream_guard: StreamGuard | None
    affinity: str | None
    max_price_usd: PriceCap | None
    hedge: Hedge | None


class RouteFields(TypedDict, total=False):
    """`strategy` is priority, weighted, round_robin, least_latency, lowest_cost or least_busy."""

    description: str
    enabled: bool
    strategy: str
    fallbacks: Sequence[TargetBody]
    policy: PolicyFields | Mapping[str, Any]  # the latter is what an answer holds


class RouteChanges(RouteFields, total=False):
    targets: Sequence[TargetBody]


class CallQuestion(TypedDict, total=False):
    """A call that is not made: `body` as the `endpoint` takes it (chat/completions, responses or messages), by the
    project with that slug, in that session."""

    body: Mapping[str, Any]
    endpoint: str
    project: str
    session: str


class ProjectFields(TypedDict, total=False):
    name: str
    owner: str
    enabled: bool
    allowed_models: Texts
    default_route: str
    tags: Mapping[str, str]
    environment: str
    accept_tasks: bool


class ProjectKeyFields(TypedDict, total=False):
    enabled: bool
    allowed_models: Texts
    expires_at: Moment


class ProjectKeyChanges(ProjectKeyFields, total=False):
    name: str


class Ordered(TypedDict, total=False):
    """`ordering` is a field's name, with a leading - to turn it round; `page_size` is 200 at most, and by itself."""

    ordering: str
    page_size: int


class Listing(Ordered, total=False):
    search: str


class ProviderFilters(Listing, total=False):
    enabled: bool
    provider_type: str


class ModelFilters(Listing, total=False):
    enabled: bool
    model_type: str


class AllModelFilters(ModelFilters, total=False):
    provider_id: str


class KeyFilters(Listing, total=False):
    enabled: bool
    environment: str


class ParameterFilters(Listing, total=False):
    environment: str
    is_sensitive: bool


class RouteFilters(Listing, total=False):
    enabled: bool
    strategy: str


class ProjectFilters(Listing, total=False):
    accept_tasks: bool
    default_route: str
    enabled: bool
    environment: str


class ProjectKeyFilters(Listing, total=False):
    enabled: bool


class CallFilters(Listing, total=False):
    """`since` is included, `until` is not."""

    endpoint: str
    error_code: str
    key: str
    model: str
    project: str
    provider: str
    request_id: str
    route: str
    status: str
    since: Moment
    until: Moment


class SubjectFilters(Ordered, total=False):
    """`kind` is provider, model or key; `provider` takes its models and keys in."""

    category: str
    kind: str
    name: str
    provider: str


class HealthEventFilters(SubjectFilters, total=False):
    """`state` is the new one. `since` is included, `until` is not."""

    cause: str
    state: str
    since: Moment
    until: Moment


class IncidentFilters(SubjectFilters, total=False):
    """Those that were open at `since` or after it, and were opened before `until`."""

    open: bool
    since: Moment
    until: Moment


class BreakerFilters(SubjectFilters, total=False):
    state: str


class ChangeFilters(Listing, total=False):
    """`object` is "provider:openai", `kind` "provider"; `origin` is admin, rest, command, import, task or shell."""

    actor: str
    kind: str
    object: str
    origin: str
    since: Moment
    until: Moment


class ProposalFilters(Listing, total=False):
    provider_id: str
