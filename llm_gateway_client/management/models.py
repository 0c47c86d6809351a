"""/models, and those of one provider."""

from __future__ import annotations

from typing import Unpack

from llm_gateway_client.management.bodies import AllModelFilters, ModelFields, ModelFilters
from llm_gateway_client.management.provider_shapes import Model
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Models(Resource):
    """`model_id` is the provider's own name of it; * allows every model of the provider."""

    def list(self, **filters: Unpack[AllModelFilters]) -> Pages[Model]:
        """Of all providers."""
        return self._pages(Model, "models.list", filters)

    def list_of(self, provider_id: str, **filters: Unpack[ModelFilters]) -> Pages[Model]:
        """Of one, which there must be."""
        return self._pages(Model, "models.list_of", filters, provider_id=provider_id)

    async def get(self, provider_id: str, model_id: str) -> Model:
        return await self._get(Model, "models.get", {"provider_id": provider_id, "model_id": model_id})

    async def create(
        self, provider_id: str, model_id: str, *, reason: str = "", **fields: Unpack[ModelFields]
    ) -> Model:
        body = {"model_id": model_id, **fields}
        asked = Asked("models.create", parts={"provider_id": provider_id}, body=body, reason=reason)
        return await self._one(Model, asked)

    async def update(
        self,
        provider_id: str,
        model_id: str,
        *,
        if_match: str | None = None,
        reason: str = "",
        **fields: Unpack[ModelFields],
    ) -> Model:
        parts = {"provider_id": provider_id, "model_id": model_id}
        asked = Asked("models.update", parts=parts, body=fields, if_match=if_match, reason=reason)
        return await self._one(Model, asked)

    async def delete(self, provider_id: str, model_id: str, *, if_match: str | None = None, reason: str = "") -> None:
        """Conflict where a route or a project uses it."""
        parts = {"provider_id": provider_id, "model_id": model_id}
        await self._done(Asked("models.delete", parts=parts, if_match=if_match, reason=reason))

    list_sync = list
    list_of_sync = list_of
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    delete_sync = twin(delete)
