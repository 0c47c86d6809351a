"""The audit log, prices and imports, as the management API answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llm_gateway_client.management.open_shape import OpenShape


@dataclass(slots=True)
class Change(OpenShape):
    """What became of one object ("provider:openai"). `action` is create, update or delete; `fields` are
    `{"display_name": {"old": ..., "new": ...}}`, secrets as fingerprints."""

    object: str = ""
    kind: str = ""
    action: str = ""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class ChangeSet(OpenShape):
    """One revision: who changed what, when and why. `reverts` is the revision that it undid, or went back to."""

    revision: int = 0
    actor: str = ""
    origin: str = ""
    reason: str = ""
    request_id: str = ""
    ip: str | None = None
    user_agent: str = ""
    created_at: datetime | None = None
    reverts: int | None = None
    changes: list[Change] = field(default_factory=list)


@dataclass(slots=True)
class Difference(OpenShape):
    """Between two revisions."""

    from_: int = 0
    to: int = 0
    changes: list[Change] = field(default_factory=list)


@dataclass(slots=True)
class Step(OpenShape):
    object: str = ""
    action: str = ""
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class RevertConflict(OpenShape):
    """A field that was changed later, and would be overwritten; `field_` is * where the whole object was made or
    deleted later."""

    object: str = ""
    field_: str = ""
    revision: int = 0


@dataclass(slots=True)
class RevertPlan(OpenShape):
    """What a revert would do, or did: then `revision` is the new one, None where nothing had to change.

    `plan_hash` is asked for by the revert, which raises Changed where the plan is another one by then. `problems` tells
    by object why it would be refused; `missing_secrets` are objects whose secret of then is not stored any more.
    """

    plan_hash: str = ""
    steps: list[Step] = field(default_factory=list)
    conflicts: list[RevertConflict] = field(default_factory=list)
    missing_secrets: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=dict)
    revision: int | None = None


@dataclass(slots=True)
class PriceProposal(OpenShape):
    """`old` is the entry that holds now, None where there is none; `price` the one that is proposed."""

    model: str = ""
    provider_id: str = ""
    model_id: str = ""
    old: dict[str, Any] | None = None
    price: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    created_at: datetime | None = None


@dataclass(slots=True)
class PriceProposals(OpenShape):
    count: int = 0
    proposals: list[PriceProposal] = field(default_factory=list)


@dataclass(slots=True)
class PricesDone(OpenShape):
    """`revision` is None where nothing changed."""

    models: list[str] = field(default_factory=list)
    revision: int | None = None


@dataclass(slots=True)
class ImportReport(OpenShape):
    """`plan` has a line an object: + made, ~ changed, - gone. `kept` is what stands against the file and was kept;
    `revision` is None where nothing changed."""

    dry_run: bool = False
    plan: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    revision: int | None = None
