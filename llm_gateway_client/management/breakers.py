"""/health-events, /incidents and /breakers: what happened to providers, models and keys, and how they stand now."""

from __future__ import annotations

from typing import Unpack

from llm_gateway_client.management.bodies import BreakerFilters, HealthEventFilters, IncidentFilters
from llm_gateway_client.management.breaker_shapes import Breaker, HealthEvent, Incident, ResetBreaker, ToldIncident
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class HealthEvents(Resource):
    def list(self, **filters: Unpack[HealthEventFilters]) -> Pages[HealthEvent]:
        """Every change of state, newest first."""
        return self._pages(HealthEvent, "health_events.list", filters)

    list_sync = list


class Incidents(Resource):
    def list(self, **filters: Unpack[IncidentFilters]) -> Pages[Incident]:
        """Newest first; `open=True` are those that last."""
        return self._pages(Incident, "incidents.list", filters)

    async def get(self, id: int) -> ToldIncident:
        """With its events."""
        return await self._get(ToldIncident, "incidents.get", {"id": id})

    list_sync = list
    get_sync = twin(get)


class Breakers(Resource):
    def list(self, **filters: Unpack[BreakerFilters]) -> Pages[Breaker]:
        """What is not called as usual now."""
        return self._pages(Breaker, "breakers.list", filters)

    async def reset(self, kind: str, name: str, *, reason: str = "") -> ResetBreaker:
        """Within half a second every process calls it again. NotFound where nothing of that name is configured."""
        return await self._one(ResetBreaker, Asked("breakers.reset", body={"kind": kind, "name": name}, reason=reason))

    list_sync = list
    reset_sync = twin(reset)
