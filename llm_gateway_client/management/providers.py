"""/providers, and what is done to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from llm_gateway_client.management.bodies import ProviderChanges, ProviderFields, ProviderFilters
from llm_gateway_client.management.provider_shapes import Discovery, Provider, SyncedProvider, TestResult
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Providers(Resource):
    """Providers with their models, keys and parameters: one change set a write."""

    def list(self, **filters: Unpack[ProviderFilters]) -> Pages[Provider]:
        return self._pages(Provider, "providers.list", filters)

    async def get(self, provider_id: str) -> Provider:
        return await self._get(Provider, "providers.get", {"provider_id": provider_id})

    async def create(
        self, provider_id: str, provider_type: str, *, reason: str = "", **fields: Unpack[ProviderFields]
    ) -> Provider:
        body = {"provider_id": provider_id, "provider_type": provider_type, **fields}
        return await self._one(Provider, Asked("providers.create", body=body, reason=reason))

    async def update(
        self, provider_id: str, *, if_match: str | None = None, reason: str = "", **fields: Unpack[ProviderChanges]
    ) -> Provider:
        """Only what is named changes; nested models, keys and parameters are whole lists."""
        parts = {"provider_id": provider_id}
        asked = Asked("providers.update", parts=parts, body=fields, if_match=if_match, reason=reason)
        return await self._one(Provider, asked)

    async def delete(self, provider_id: str, *, if_match: str | None = None, reason: str = "") -> None:
        """Conflict where a route or a project uses it."""
        parts = {"provider_id": provider_id}
        await self._done(Asked("providers.delete", parts=parts, if_match=if_match, reason=reason))

    async def test(self, provider_id: str, *, model: str | None = None) -> TestResult:
        """One real call to it, with the cheapest suited model where none is named. A failed one raises nothing."""
        parts = {"provider_id": provider_id}
        return await self._one(TestResult, Asked("providers.test", parts=parts, body={"model": model}))

    async def discover(self, provider_id: str, *, apply: Sequence[str] = (), reason: str = "") -> Discovery:
        """What the provider itself lists. The model ids of `apply` are added; without any, nothing is written."""
        body: dict[str, Any] = {"apply": [*apply]} if apply else {}
        parts = {"provider_id": provider_id}
        return await self._one(Discovery, Asked("providers.discover", parts=parts, body=body, reason=reason))

    async def sync(self, provider_id: str) -> SyncedProvider:
        """Writes it to the gateway's YAML file. Conflict where that cannot be written; its `body` has the "yaml"."""
        return await self._one(SyncedProvider, Asked("providers.sync", parts={"provider_id": provider_id}))

    list_sync = list
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    delete_sync = twin(delete)
    test_sync = twin(test)
    discover_sync = twin(discover)
    sync_sync = twin(sync)
