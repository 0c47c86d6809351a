"""/config: the whole configuration as a YAML file."""

from __future__ import annotations

from typing import Any

from llm_gateway_client import told
from llm_gateway_client.management.audit_shapes import ImportReport
from llm_gateway_client.management.resource import Resource, twin
from llm_gateway_client.management.wire import YAML, Asked, json_of


class Configuration(Resource):
    async def export_yaml(self) -> str:
        """Without secrets: of a stored one its fingerprint."""
        return await self._text(Asked("config.export_yaml", accept=YAML))

    async def import_yaml(
        self, text: str, *, dry_run: bool = False, prune: bool = False, reason: str = ""
    ) -> ImportReport:
        """Applies it in one change set; what it does not name stays, but with `prune`. InvalidFields names the lines
        that are wrong under "file"."""
        query = {"dry_run": dry_run, "prune": prune}
        return await self._one(ImportReport, Asked("config.import_yaml", query=query, yaml=text, reason=reason))

    async def schema(self) -> dict[str, Any]:
        """The file's JSON schema."""
        return told.obj(json_of(await self._wire.send(Asked("config.schema"))))

    export_yaml_sync = twin(export_yaml)
    import_yaml_sync = twin(import_yaml)
    schema_sync = twin(schema)
