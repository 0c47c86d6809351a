"""/audit: who changed what, the configuration as it was, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Unpack

from llm_gateway_client.management.audit_shapes import ChangeSet, Difference, RevertPlan
from llm_gateway_client.management.bodies import ChangeFilters
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import YAML, Asked


class Audit(Resource):
    """A revert takes two steps: the plan, then the revert with the plan's hash."""

    def changes(self, **filters: Unpack[ChangeFilters]) -> Pages[ChangeSet]:
        """Newest first."""
        return self._pages(ChangeSet, "audit.changes", filters)

    async def change(self, revision: int) -> ChangeSet:
        return await self._get(ChangeSet, "audit.change", {"revision": revision})

    async def diff(self, from_: int | datetime, to: int | datetime | None = None) -> Difference:
        """The whole configuration at two revisions or times; `to` is the newest where it is left out."""
        return await self._get(Difference, "audit.diff", {}, **{"from": from_, "to": to})

    async def config(self, *, revision: int | None = None, as_of: datetime | None = None) -> str:
        """The configuration of that revision or time, else the newest, as YAML: as an export is."""
        query = {"revision": revision, "as_of": as_of}
        return await self._text(Asked("audit.config", query=query, accept=YAML))

    async def plan_revert(self, revision: int) -> RevertPlan:
        """What taking back this change set would do."""
        body = {"dry_run": True}
        return await self._one(RevertPlan, Asked("audit.plan_revert", parts={"revision": revision}, body=body))

    async def revert(self, revision: int, plan_hash: str, *, reason: str = "") -> RevertPlan:
        """Takes back this change set. Changed where the plan is another one by now."""
        body = {"dry_run": False, "plan_hash": plan_hash}
        asked = Asked("audit.revert", parts={"revision": revision}, body=body, reason=reason)
        return await self._one(RevertPlan, asked)

    async def plan_revert_to(self, to: int, *, objects: Sequence[str] | None = None) -> RevertPlan:
        """What putting these objects (or everything) back to revision `to` would do."""
        return await self._one(RevertPlan, Asked("audit.plan_revert_to", body=_to(to, objects, dry_run=True)))

    async def revert_to(
        self, to: int, plan_hash: str, *, objects: Sequence[str] | None = None, reason: str = ""
    ) -> RevertPlan:
        body = {**_to(to, objects, dry_run=False), "plan_hash": plan_hash}
        return await self._one(RevertPlan, Asked("audit.revert_to", body=body, reason=reason))

    changes_sync = changes
    change_sync = twin(change)
    diff_sync = twin(diff)
    config_sync = twin(config)
    plan_revert_sync = twin(plan_revert)
    revert_sync = twin(revert)
    plan_revert_to_sync = twin(plan_revert_to)
    revert_to_sync = twin(revert_to)


def _to(to: int, objects: Sequence[str] | None, *, dry_run: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"dry_run": dry_run, "to": to}
    return body if objects is None else {**body, "objects": [*objects]}
