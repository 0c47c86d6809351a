"""The management client and a whole gateway: the example of the package's docstring, and what only a whole one has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from llm_gateway_client import management
from llm_gateway_client.management import ManagementClient
from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, GatewayProcess

[EXAMPLE] = re.findall(r"\n\n((?:    .*\n|\n)+)", management.__doc__ or "")


def test_the_example_runs_and_its_route_answers(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path) as gateway, ManagementClient(gateway.url, ADMIN_TOKEN) as client:
        assert client.health_sync().status == "ok" and client.ready_sync().ready
        program = EXAMPLE.replace("http://127.0.0.1:8000", gateway.url).replace("gwadm-...", ADMIN_TOKEN)
        assert program != EXAMPLE
        exec(compile(inspect.cleandoc(program), "example", "exec"), {})
        newest, changed, routed, made = list(client.audit.changes_sync())[:4]
        assert (newest.reverts, newest.reason) == (changed.revision, "it was right before")
        assert (made.reason, made.actor, made.origin) == ("a provider without a key", "admin", "rest")
        assert [change.object for change in routed.changes] == ["route:fast"]
        assert client.providers.get_sync("demo").description == ""
        eventually(lambda: gateway.chat("fast").status_code == 200)
        found = eventually(lambda: client.calls.list_sync(route="fast", status="succeeded").collect_sync())
        assert (found[0].provider, found[0].model, found[0].requested_model) == ("demo", "echo-1", "fast")
        assert client.status_sync().environment == "development"
