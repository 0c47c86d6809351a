"""/routes, and what they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from llm_gateway_client.management.bodies import CallQuestion, RouteChanges, RouteFields, RouteFilters, TargetBody
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.route_shapes import Explanation, Resolution, Route
from llm_gateway_client.management.wire import Asked


class Routes(Resource):
    """Names for a choice of models. A target is `{"model": "openai/gpt-4o", "priority": 1, "weight": 1}`."""

    def list(self, **filters: Unpack[RouteFilters]) -> Pages[Route]:
        return self._pages(Route, "routes.list", filters)

    async def get(self, name: str) -> Route:
        return await self._get(Route, "routes.get", {"name": name})

    async def create(
        self, name: str, targets: Sequence[TargetBody], *, reason: str = "", **fields: Unpack[RouteFields]
    ) -> Route:
        body = {"name": name, "targets": targets, **fields}
        return await self._one(Route, Asked("routes.create", body=body, reason=reason))

    async def update(
        self, name: str, *, if_match: str | None = None, reason: str = "", **fields: Unpack[RouteChanges]
    ) -> Route:
        asked = Asked("routes.update", parts={"name": name}, body=fields, if_match=if_match, reason=reason)
        return await self._one(Route, asked)

    async def delete(self, name: str, *, if_match: str | None = None, reason: str = "") -> None:
        """Conflict where a project uses it."""
        await self._done(Asked("routes.delete", parts={"name": name}, if_match=if_match, reason=reason))

    async def resolved(self, name: str) -> Resolution:
        """What a call would lead to now."""
        return await self._get(Resolution, "routes.resolved", {"name": name})

    async def explain(self, name: str, **question: Unpack[CallQuestion]) -> Explanation:
        """As `resolved`, and what the given call would do; without one, a call that asks for nothing in particular."""
        return await self._one(Explanation, Asked("routes.explain", parts={"name": name}, body=question or None))

    list_sync = list
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    delete_sync = twin(delete)
    resolved_sync = twin(resolved)
    explain_sync = twin(explain)
