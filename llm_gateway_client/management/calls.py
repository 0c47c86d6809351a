"""/calls: what became of every call."""

from __future__ import annotations

from typing import Unpack

from llm_gateway_client.management.bodies import CallFilters
from llm_gateway_client.management.project_shapes import Call
from llm_gateway_client.management.resource import Pages, Resource, twin


class Calls(Resource):
    def list(self, **filters: Unpack[CallFilters]) -> Pages[Call]:
        """Newest first; failed and cancelled ones too."""
        return self._pages(Call, "calls.list", filters)

    async def get(self, name: str) -> Call:
        """By its call id, or the newest one with that request id."""
        return await self._get(Call, "calls.get", {"name": name})

    list_sync = list
    get_sync = twin(get)
