"""/projects, and their keys."""

from __future__ import annotations

from typing import Unpack

from llm_gateway_client.management.bodies import (
    ProjectFields,
    ProjectFilters,
    ProjectKeyChanges,
    ProjectKeyFields,
    ProjectKeyFilters,
)
from llm_gateway_client.management.project_shapes import CreatedProjectKey, Project, ProjectKey
from llm_gateway_client.management.resource import Pages, Resource, twin
from llm_gateway_client.management.wire import Asked


class Projects(Resource):
    """Who may call, and what."""

    def list(self, **filters: Unpack[ProjectFilters]) -> Pages[Project]:
        return self._pages(Project, "projects.list", filters)

    async def get(self, slug: str) -> Project:
        return await self._get(Project, "projects.get", {"slug": slug})

    async def create(self, slug: str, *, reason: str = "", **fields: Unpack[ProjectFields]) -> Project:
        return await self._one(Project, Asked("projects.create", body={"slug": slug, **fields}, reason=reason))

    async def update(
        self, slug: str, *, if_match: str | None = None, reason: str = "", **fields: Unpack[ProjectFields]
    ) -> Project:
        asked = Asked("projects.update", parts={"slug": slug}, body=fields, if_match=if_match, reason=reason)
        return await self._one(Project, asked)

    async def delete(self, slug: str, *, if_match: str | None = None, reason: str = "") -> None:
        await self._done(Asked("projects.delete", parts={"slug": slug}, if_match=if_match, reason=reason))

    list_sync = list
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    delete_sync = twin(delete)


class ProjectKeys(Resource):
    """The keys that a project's callers use (gw-...). A key's text is in the answer to its creation only."""

    def list(self, slug: str, **filters: Unpack[ProjectKeyFilters]) -> Pages[ProjectKey]:
        return self._pages(ProjectKey, "project_keys.list", filters, slug=slug)

    async def get(self, slug: str, key_id: str) -> ProjectKey:
        return await self._get(ProjectKey, "project_keys.get", {"slug": slug, "key_id": key_id})

    async def create(
        self, slug: str, name: str, *, reason: str = "", **fields: Unpack[ProjectKeyFields]
    ) -> CreatedProjectKey:
        asked = Asked("project_keys.create", parts={"slug": slug}, body={"name": name, **fields}, reason=reason)
        return await self._one(CreatedProjectKey, asked)

    async def update(
        self,
        slug: str,
        key_id: str,
        *,
        if_match: str | None = None,
        reason: str = "",
        **fields: Unpack[ProjectKeyChanges],
    ) -> ProjectKey:
        parts = {"slug": slug, "key_id": key_id}
        asked = Asked("project_keys.update", parts=parts, body=fields, if_match=if_match, reason=reason)
        return await self._one(ProjectKey, asked)

    async def revoke(self, slug: str, key_id: str, *, if_match: str | None = None, reason: str = "") -> None:
        """Whoever calls with it is refused from now on."""
        parts = {"slug": slug, "key_id": key_id}
        await self._done(Asked("project_keys.revoke", parts=parts, if_match=if_match, reason=reason))

    list_sync = list
    get_sync = twin(get)
    create_sync = twin(create)
    update_sync = twin(update)
    revoke_sync = twin(revoke)
