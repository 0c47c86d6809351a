"""What a door hands to the Gateway, and what it gets back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from llm.errors import CallCancelled, GatewayError
from llm.observe import call_id
from llm.snapshot import Caller, Snapshot
from llm.spec import FinishReason, Request, Usage


@dataclass(init=False)  # one that is filled step by step needs no values to begin with
class Info:
    """What is known of a call so far: the door's answer headers, also when the call fails.

    `provider` and `model` are those of the latest attempt. `overhead_ms` is the time spent in the gateway outside of
    waits for the provider and the caller; `latency_ms` the time since the call began. `cost_nano_usd` is known once the
    call is recorded, where its model has a price.
    """

    provider: str = ""
    model: str = ""
    attempts: int = 0
    revision: int = 0
    overhead_ms: float = 0.0
    latency_ms: float = 0.0
    dropped: tuple[str, ...] = ()
    cost_nano_usd: int | None = None


def _left() -> GatewayError:
    return CallCancelled("The caller left.")


@dataclass(slots=True, repr=False)
class Call:
    """One call as its door took it.

    Who calls: the key in `headers` (names in lower case), `project` where a task names one, or `caller` where the door
    itself has made sure of it (the admin's playground).
    `request` may be a function that reads it: then the caller is known before a byte of the body is read.
    `snapshot` stands in for the configuration of the moment: a provider is tested before it is enabled.
    `timeout`: seconds that the caller gives the call, at most; `session`: whom `affinity` of a route keeps together.
    `endpoint` is the door's path without /v1/. `request_id` is the caller's label ("": the call id).
    `info` is filled while the call runs. `interrupted` says why the call was cancelled, when it was: a door that knows
    of other reasons than its caller's leaving names them.
    """

    endpoint: str
    request: Request | Callable[[], Awaitable[Request]]
    headers: Mapping[str, str] = field(default_factory=dict)
    project: str | None = None
    caller: Caller | None = None
    snapshot: Snapshot | None = None
    request_id: str = ""
    timeout: float | None = None
    session: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    end_user: str = ""
    call_id: str = field(default_factory=call_id.new)
    info: Info = field(default_factory=Info)
    interrupted: Callable[[], GatewayError] = _left

    def __post_init__(self) -> None:
        if not self.request_id:
            self.request_id = self.call_id

    def __repr__(self) -> str:  # its headers hold the caller's key
        return f"Call(endpoint={self.endpoint!r}, call_id={self.call_id!r}, request_id={self.request_id!r})"


class Reply(msgspec.Struct, gc=False):
    """A whole answer, already recorded. `body` is JSON in the request's dialect, or what `content_type` says."""

    body: bytes
    usage: Usage
    finish_reason: FinishReason
    info: Info
    content_type: str = "application/json"
