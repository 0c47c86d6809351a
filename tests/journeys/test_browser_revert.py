"""In the system's Chromium: a price and a route are changed, the difference is read, both are put back, and the next
call is served and costs as before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import MISSING
from tests.support.eventually import eventually
from tests.support.gateway import GatewayProcess
from tests.support.visitor import ARGUMENTS, Visitor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip(f"{MISSING}a browser (chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason=f"{MISSING}playwright")

OLD = [{"valid_from": "2026-01-01", "input": 10**14, "output": 0}]
NEW = [{**OLD[0], "input": 3 * 10**14}]
PROVIDER = {
    "provider_id": "two",
    "display_name": "Two models",
    "provider_type": "echo",
    "models": [{"model_id": "first", "prices": OLD}, {"model_id": "second", "prices": OLD}],
}
ROUTE = {"name": "fast", "targets": [{"model": "two/first"}]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("revert")) as process:
        for path, body in (("/providers", PROVIDER), ("/routes", ROUTE)):
            made = process.rest("POST", path, json=body)
            assert made.status_code == 201, made.text
        yield process


@pytest.fixture
def visitor(gateway: GatewayProcess) -> Iterator[Visitor]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        arrived = Visitor(browser, gateway.url)
        arrived.log_in()
        yield arrived
        assert arrived.trouble == []
        browser.close()


def served(gateway: GatewayProcess) -> tuple[str, float]:
    """The model that the next call of the route is served by, and what it costs for each token of its input, in USD."""
    answer = gateway.chat("fast")
    assert answer.status_code == 200, answer.text
    cost = float(answer.headers["x-gateway-cost-usd"])
    return answer.headers["x-gateway-model"], cost / answer.json()["usage"]["prompt_tokens"]


def change(visitor: Visitor, page: str, name: str, field: str, value: Any, reason: str) -> None:
    visitor.go(page)
    visitor.click(name)
    visitor.page.locator(f"#id_{field}").fill(json.dumps(value))
    visitor.page.get_by_label("Reason for the change").fill(reason)
    visitor.click("Save", role="button")
    assert "was changed successfully" in visitor.text()


def put_back(visitor: Visitor, revision: int, old: str, new: str) -> None:
    visitor.go("/admin/audit/changeset/")
    visitor.click(str(revision))
    gone = " ".join(visitor.page.locator("del").all_inner_texts())
    assert old in gone and new not in gone and new in visitor.text()
    visitor.click("Undo this change set")
    visitor.click("Carry out this plan", role="button")
    assert f"Undoes revision {revision}." in visitor.text()


def test_a_price_and_a_route_are_changed_and_put_back(gateway: GatewayProcess, visitor: Visitor) -> None:
    eventually(lambda: gateway.chat("fast").status_code == 200)
    before = served(gateway)
    assert before == ("first", pytest.approx(0.1))
    change(visitor, "/admin/providers/providermodel/", "first", "prices", NEW, "dearer")
    eventually(lambda: served(gateway) == ("first", pytest.approx(0.3)))
    change(visitor, "/admin/providers/route/", "fast", "targets", [{"model": "two/second"}], "the other one")
    eventually(lambda: served(gateway) == ("second", pytest.approx(0.1)))
    newest = gateway.rest("GET", "/audit/changes?page_size=1").json()["results"][0]["revision"]
    put_back(visitor, newest, "two/first", "two/second")
    eventually(lambda: served(gateway) == ("first", pytest.approx(0.3)))
    put_back(visitor, newest - 1, str(OLD[0]["input"]), str(NEW[0]["input"]))
    eventually(lambda: served(gateway) == before)
