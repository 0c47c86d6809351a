"""/providers/{id}/connection-params."""

from __future__ import annotations

from typing import Any, Unpack

from llm_gateway_client.management.bodies import ParameterChanges, ParameterFilters
from llm_gateway_client.management.provider_shapes import ConnectionParameter
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Parameters(Resource):
    """The connection parameters of providers. `environment` chooses one of several rows of a name; empty is the row for
    every environment, None that one or the only one."""

    def list(self, provider_id: str, **filters: Unpack[ParameterFilters]) -> Pages[ConnectionParameter]:
        return self._pages(ConnectionParameter, "parameters.list", filters, provider_id=provider_id)

    async def get(self, provider_id: str, param_name: str, *, environment: str | None = None) -> ConnectionParameter:
        parts = {"provider_id": provider_id, "param_name": param_name}
        return await self._get(ConnectionParameter, "parameters.get", parts, environment=environment)

    async def set(
        self,
        provider_id: str,
        param_name: str,
        param_value: Any,
        *,
        is_sensitive: bool | None = None,
        environment: str = "",
        if_match: str | None = None,
        reason: str = "",
    ) -> ConnectionParameter:
        """Makes it, or changes what is stored for this environment. A sensitive value never comes back."""
        body = {"param_name": param_name, "param_value": param_value, "environment": environment}
        if is_sensitive is not None:
            body["is_sensitive"] = is_sensitive
        parts = {"provider_id": provider_id}
        asked = Asked("parameters.set", parts=parts, body=body, if_match=if_match, reason=reason)
        return await self._one(ConnectionParameter, asked)

    async def update(
        self,
        provider_id: str,
        param_name: str,
        *,
        environment: str | None = None,
        if_match: str | None = None,
        reason: str = "",
        **fields: Unpack[ParameterChanges],
    ) -> ConnectionParameter:
        """It must be there."""
        asked = Asked(
            "parameters.update",
            parts={"provider_id": provider_id, "param_name": param_name},
            query={"environment": environment},
            body=fields,
            if_match=if_match,
            reason=reason,
        )
        return await self._one(ConnectionParameter, asked)

    async def delete(
        self,
        provider_id: str,
        param_name: str,
        *,
        environment: str | None = None,
        if_match: str | None = None,
        reason: str = "",
    ) -> None:
        asked = Asked(
            "parameters.delete",
            parts={"provider_id": provider_id, "param_name": param_name},
            query={"environment": environment},
            if_match=if_match,
            reason=reason,
        )
        await self._done(asked)

    list_sync = list
    get_sync = twin(get)
    set_sync = twin(set)
    update_sync = twin(update)
    delete_sync = twin(delete)
