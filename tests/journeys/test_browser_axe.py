"""axe-core on the admin's main pages, in light and dark: it finds no serious fault. It is installed beside the clients
for Node (tests/node)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from llm.observe.spool import Spool
from tests.conftest import MISSING
from tests.support import health, made_calls
from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess
from tests.support.visitor import ARGUMENTS, Visitor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip(f"{MISSING}a browser (chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason=f"{MISSING}playwright")
AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
if not AXE.exists():
    pytest.skip(f"{MISSING}axe-core (npm)", allow_module_level=True)

A_CALL = made_calls.call(timedelta(minutes=1), latency_ms=7250.0, trace=made_calls.failover_trace())
PAGES = (
    "/admin/",
    "/admin/playground/",
    "/admin/providers/provider/",
    "/admin/providers/provider/add/",
    "/admin/providers/providermodel/",
    "/admin/providers/apikey/",
    "/admin/providers/route/",
    "/admin/providers/route/add/",
    "/admin/providers/priceproposal/",
    "/admin/access/project/",
    "/admin/access/projectkey/",
    "/admin/health/",
    "/admin/audit/incident/",
    "/admin/audit/incident/1/change/",
    "/admin/audit/healthevent/",
    "/admin/audit/call/",
    f"/admin/audit/call/{A_CALL.call_id}/change/",
    "/admin/audit/changeset/",
    "/admin/audit/changeset/1/change/",
    "/admin/audit/changeset/1/revert/",
    "/admin/audit/changeset/compare/?from=0&to=1",
    "/admin/audit/changeset/1/config/",
)
FAULTS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 150)}`))"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("axe")) as process:
        sink = Spool(process.data_dir / "spool")
        for change in health.a_bad_day():
            sink.tell(change)
        sink.write(A_CALL)
        sink.close()
        eventually(lambda: process.rest("GET", f"/calls/{A_CALL.call_id}").ok)
        yield process


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(gateway: GatewayProcess, scheme: Any) -> None:
    found: dict[str, list[str]] = {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        visitor = Visitor(browser, gateway.url, scheme=scheme)
        visitor.log_in()
        for page in PAGES:
            visitor.go(page)
            visitor.page.evaluate(AXE.read_text())
            if faults := visitor.page.evaluate(FAULTS):
                found[page] = faults
        browser.close()
    assert found == {}
