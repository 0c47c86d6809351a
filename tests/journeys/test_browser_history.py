"""The pages of the history in the system's Chromium: read in light and dark, nothing clipped, pale or sideways; and a
change that is looked at and put back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import MISSING
from tests.support.gateway import GatewayProcess, manage
from tests.support.visitor import ARGUMENTS, Visitor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip(f"{MISSING}a browser (chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason=f"{MISSING}playwright")

FEED = "/admin/audit/changeset/"
LONG = "x" * 300
PAST = f"""
from datetime import timedelta
from audit import call_store, history
from audit.history import change_set
from providers import services
from tests.support.made_calls import call
body = {{"top_k": 40, "seed": 7, "long": "{LONG}"}}
provider = services.create_provider(
    provider_id="openai", provider_type="openai", description="one\\ntwo\\nthree {LONG}",
    models=[{{"model_id": "meta-llama/Llama-3:free", "capabilities": ["tools", "vision"], "context_window": 1000}}],
    api_key={{"key_value": "sk-live-0123456789abcdefghij-WXYZ"}}, connection_params={{"extra_body": body}},
)
with change_set(actor="ci", reason="{LONG}"):
    services.update_provider(
        provider=provider, description="one\\n2\\nthree",
        models=[{{"model_id": "meta-llama/Llama-3:free", "capabilities": ["tools"], "context_window": 2000}}],
        connection_params={{"extra_body": {{**body, "top_k": 50}}}},
    )
ages = [(timedelta(minutes=minute), minute % 3) for minute in range(2, 50)]
call_store.insert(
    [call(age, provider="openai", model="m", **({{"status": "failed", "http_status": 502}} if not third else {{}}))
     for age, third in ages]
)
services.delete_key(key=provider.api_keys.get())
print(history.revision())
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("history")) as process:
        yield process


@pytest.fixture(scope="module")
def newest(gateway: GatewayProcess) -> int:
    """The revision that deleted the key; the one before it changed much."""
    made = manage(gateway.environment, "shell", "-c", PAST)
    assert made.returncode == 0, made.stderr
    return int(made.stdout.split()[-1])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_can_be_read(browser: Any, gateway: GatewayProcess, newest: int, scheme: str) -> None:
    visitor = Visitor(browser, gateway.url, scheme=scheme)
    visitor.log_in()
    changed = newest - 1
    pages = {
        "": "capabilities",
        f"{changed}/change/": "Calls before and after",
        f"{newest}/revert/": "Secrets that are stored nowhere",
        f"{changed}/revert/": "Carry out this plan",
        f"compare/?from=0&to={newest}": "provider:openai",
        "object/?name=provider:openai": "Put it back to this",
        f"{changed}/config/": "meta-llama/Llama-3:free",
    }
    for address, told in pages.items():
        visitor.go(FEED + address)
        if address:
            assert told in visitor.text(), address
            visitor.read()
    visitor.context.close()
    assert visitor.trouble == []


def test_a_change_is_looked_at_and_put_back(browser: Any, gateway: GatewayProcess, newest: int) -> None:
    visitor = Visitor(browser, gateway.url)
    visitor.log_in()
    visitor.go(FEED)
    visitor.click(str(newest - 1))
    assert any("vision" in text for text in visitor.page.locator("del").all_inner_texts())
    visitor.click("Undo this change set")
    visitor.page.get_by_label("Reason for the change").fill("two was enough")
    visitor.click("Carry out this plan", role="button")
    assert f"Undoes revision {newest - 1}. It is revision {newest + 1}." in visitor.text()
    assert "two was enough" in visitor.text()
    visitor.context.close()
    assert visitor.trouble == []
