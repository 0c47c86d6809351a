"""/providers/{id}/api-keys."""

from __future__ import annotations

from datetime import date
from typing import Unpack

from llm_gateway_client.management.bodies import KeyFields, KeyFilters, RotateFields
from llm_gateway_client.management.provider_shapes import ApiKey, KeyUsage, RotatedKey
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Keys(Resource):
    """The keys of providers. A value goes in and never comes out; `reference` names one that the gateway reads itself
    ("env:NAME", "file:NAME")."""

    def list(self, provider_id: str, **filters: Unpack[KeyFilters]) -> Pages[ApiKey]:
        return self._pages(ApiKey, "keys.list", filters, provider_id=provider_id)

    async def get(self, provider_id: str, key_id: str) -> ApiKey:
        return await self._get(ApiKey, "keys.get", {"provider_id": provider_id, "key_id": key_id})

    async def create(self, provider_id: str, *, reason: str = "", **fields: Unpack[KeyFields]) -> ApiKey:
        asked = Asked("keys.create", parts={"provider_id": provider_id}, body=fields, reason=reason)
        return await self._one(ApiKey, asked)

    async def update(
        self,
        provider_id: str,
        key_id: str,
        *,
        if_match: str | None = None,
        reason: str = "",
        **fields: Unpack[KeyFields],
    ) -> ApiKey:
        """`key_value` or `reference` replaces the value in place."""
        parts = {"provider_id": provider_id, "key_id": key_id}
        return await self._one(ApiKey, Asked("keys.update", parts=parts, body=fields, if_match=if_match, reason=reason))

    async def delete(self, provider_id: str, key_id: str, *, if_match: str | None = None, reason: str = "") -> None:
        parts = {"provider_id": provider_id, "key_id": key_id}
        await self._done(Asked("keys.delete", parts=parts, if_match=if_match, reason=reason))

    async def rotate(
        self,
        provider_id: str,
        key_id: str,
        *,
        if_match: str | None = None,
        reason: str = "",
        **fields: Unpack[RotateFields],
    ) -> RotatedKey:
        """A new key serves first; the old one stays as its fallback for `grace_hours`."""
        parts = {"provider_id": provider_id, "key_id": key_id}
        return await self._one(
            RotatedKey, Asked("keys.rotate", parts=parts, body=fields, if_match=if_match, reason=reason)
        )

    async def usage(
        self, provider_id: str, key_id: str, *, since: date | None = None, until: date | None = None
    ) -> KeyUsage:
        """By day, both ends included; the last 30 days where nothing is said."""
        parts = {"provider_id": provider_id, "key_id": key_id}
        return await self._get(KeyUsage, "keys.usage", parts, since=since, until=until)

    list_sync = list
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    delete_sync = twin(delete)
    rotate_sync = twin(rotate)
    usage_sync = twin(usage)
