"""A first hour in the browser: log in, make a provider, call it, try the playground, see it all on the dashboard.

Runs in the system's Chromium. LLM_GATEWAY_TEST_SCREENSHOTS=docs/screenshots renews the pictures in the docs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.conftest import MISSING
from tests.support import upstream_faults as faults
from tests.support.eventually import eventually
from tests.support.gateway import PROJECT_KEY, GatewayProcess, free_port, manage
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held_stream
from tests.support.upstream_thread import ThreadedUpstream
from tests.support.visitor import ARGUMENTS, Visitor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip(f"{MISSING}a browser (chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason=f"{MISSING}playwright")

PROVIDER_KEY = "sk-test"
SAY = [{"role": "user", "content": "hello you"}]
ANSWER = "Cats sleep up to sixteen hours a day, mostly because hunting at dawn and dusk takes all of their energy."
WEEK = "from audit import call_store; from tests.support.made_calls import week; call_store.insert(week(4000))"
PROMPT = re.compile(r"^Prompt\W*$")  # and not the system prompt
CONTENT = "#content-main"
Visits = Callable[..., Visitor]


@pytest.fixture(scope="module")
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One in which nothing has happened yet."""
    with GatewayProcess(tmp_path_factory.mktemp("fresh"), REDIS_PORT=str(free_port())) as process:
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Any, gateway: GatewayProcess) -> Iterator[Visits]:
    """A person who has logged in; at the end, nothing may have troubled them."""
    made: list[Visitor] = []

    def arrive(scheme: str = "light") -> Visitor:
        made.append(Visitor(browser, gateway.url, scheme=scheme))
        made[-1].log_in()
        return made[-1]

    yield arrive
    for visitor in made:
        visitor.context.close()
    assert [told for visitor in made for told in visitor.trouble] == []


def test_a_first_hour(gateway: GatewayProcess, upstream: ThreadedUpstream, visit: Visits) -> None:
    visitor = visit()
    see_the_first_steps(visitor, done=0)
    make_a_provider(visitor, upstream)
    see_the_first_steps(visitor, done=2)
    call_it_with_both_sdks(gateway)
    use_the_playground(visitor, upstream)
    see_the_calls_on_the_dashboard(visitor)
    change_it_and_read_the_history(visitor)


def see_the_first_steps(visitor: Visitor, *, done: int) -> None:
    visitor.go("/admin/")
    assert f"First steps {done} of 3 done" in visitor.text()
    assert visitor.painted() == []
    visitor.read()
    if not done:
        visitor.picture("first-run", down_to=CONTENT)
        visitor.click("Add a provider with a model")


def make_a_provider(visitor: Visitor, upstream: ThreadedUpstream) -> None:
    page = visitor.page
    page.get_by_label("Provider id").fill("openai")
    page.get_by_label("Display name").first.fill("OpenAI")
    page.get_by_label("Reason for the change").fill("our first provider")
    page.get_by_role("link", name="Add another Key").click()
    page.locator("#id_api_keys-0-key_value").fill(PROVIDER_KEY)
    page.get_by_role("link", name="Add another Model").click()
    page.locator("#id_models-0-model_id").fill("gpt-4o")
    page.get_by_role("link", name="Add another Connection parameter").click()
    page.locator("#id_connection_parameters-0-param_name").fill("api_base")
    page.locator("#id_connection_parameters-0-plain_value").fill(f"{upstream.url}/v1")
    visitor.picture("provider-form")
    visitor.click("Save", role="button")
    assert "was added successfully" in visitor.text()


def call_it_with_both_sdks(gateway: GatewayProcess) -> None:
    first = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=PROJECT_KEY, max_retries=0)
    said = first.chat.completions.create(model="openai/gpt-4o", messages=SAY)
    assert said.choices[0].message.content == "echo: hello you"
    second = anthropic.Anthropic(base_url=gateway.url, api_key=PROJECT_KEY, max_retries=0)
    message = second.messages.create(model="gpt-4o", max_tokens=50, messages=SAY)
    assert message.content[0].text == "echo: hello you"


def use_the_playground(visitor: Visitor, upstream: ThreadedUpstream) -> None:
    visitor.click("Playground")
    page = visitor.page
    page.get_by_label("Model or route").select_option("openai/gpt-4o")
    page.get_by_label("System prompt").fill("You are brief.")
    page.get_by_role("textbox", name=PROMPT).fill("Why do cats sleep so much?")
    page.get_by_label("Temperature").fill("0.2")
    visitor.read()
    upstream.script(held_stream(ANSWER, after=6))
    page.get_by_role("button", name="Send").click()
    so_far = page.get_by_role("log")
    eventually(lambda: so_far.text_content())
    assert ANSWER.startswith(so_far.text_content() or "?") and so_far.text_content() != ANSWER
    assert page.get_by_role("button", name="Stop").is_enabled()
    upstream.release()
    page.get_by_role("status").get_by_text("Done").wait_for()
    assert so_far.text_content() == ANSWER
    see_what_the_call_was(visitor)


def see_what_the_call_was(visitor: Visitor) -> None:
    page = visitor.page
    facts = dict(entry.split("\n") for entry in page.locator("dl > div").all_inner_texts())
    assert (facts["Served by"], facts["Tokens in / out"]) == ("openai/gpt-4o", "9 / 5")
    assert re.fullmatch(r"[\d.]+ ms", facts["Latency"]) and re.fullmatch(r"[\d.]+ ms", facts["Time to first token"])
    curl, python = visitor.code("As curl"), visitor.code("In Python")
    assert curl.startswith(f"curl -sN {visitor.url}/v1/chat/completions") and '"temperature": 0.2' in curl
    assert "from openai import OpenAI" in python and '"content": "You are brief."' in python
    visitor.read()
    visitor.picture("playground", down_to=CONTENT)
    link = page.get_by_role("link", name=re.compile(r"[0-9a-f-]{36}"))
    call_id = link.text_content()
    eventually(lambda: page.request.get(visitor.url + (link.get_attribute("href") or "")).url.endswith("/change/"))
    link.click()
    visitor.looked()
    told = visitor.text()
    assert f"Call id {call_id}" in told and "End user admin" in told and '"door": "playground"' in told


def see_the_calls_on_the_dashboard(visitor: Visitor) -> None:
    visitor.click("Dashboard")

    def line() -> list[str] | None:
        visitor.page.reload()
        visitor.looked()
        [found] = [cells for cells in visitor.lines("Providers") if cells[0] == "openai"]
        return found if found[3] == "3" else None

    shown = eventually(line, every=0.2)
    assert (shown[1], shown[2], shown[4], shown[-1]) == ("enabled", "1 of 1 usable", "100 %", "just now")
    assert all(re.fullmatch(r"[\d.,]+ m?s", cell) for cell in shown[5:8])
    told = visitor.text()
    assert "Calls 3 0 cancelled" in told and "Success rate 100 %" in told and "None in the last 24 hours." in told
    assert "by admin: our first provider" in told and "First steps" not in told
    assert len(visitor.painted()) == 3 and all(visitor.painted())
    visitor.read()


def change_it_and_read_the_history(visitor: Visitor) -> None:
    visitor.click("openai")
    visitor.page.get_by_label("Display name").first.fill("OpenAI (EU)")
    visitor.page.get_by_label("Reason for the change").fill("named by its region")
    visitor.click("Save and continue editing", role="button")
    assert "was changed successfully" in visitor.text()
    visitor.click("History")
    rows = visitor.page.locator("#change-history tbody tr").all_inner_texts()
    newest, oldest = (" ".join(row.split()) for row in rows)
    assert "admin (Admin)" in newest and "display_name: OpenAI → OpenAI (EU)" in newest
    assert newest.endswith("named by its region") and oldest.endswith("our first provider")
    visitor.picture("history")
    visitor.page.locator("#change-history tbody a").last.click()
    visitor.looked()
    told = visitor.text()
    for made in ("provider:openai", "model:openai/gpt-4o", "api_key:openai/", "parameter:openai/api_base@"):
        assert made in told
    assert PROVIDER_KEY not in visitor.page.content()
    visitor.go("/admin/")
    assert "changed just now by admin: named by its region" in visitor.text()


@pytest.fixture(scope="module")
def filled(gateway: GatewayProcess, upstream: ThreadedUpstream) -> GatewayProcess:
    """The gateway with four providers and a week of calls."""
    for provider_id, kind, models in (
        ("openai", "openai", ("gpt-4o", "gpt-4o-mini")),
        ("anthropic", "anthropic", ("claude-sonnet-4-5",)),
        ("mistral", "openai_compatible", ("mistral-large-latest",)),
    ):
        body = {
            "provider_type": kind,
            "connection_params": {"api_base": upstream.url if kind == "anthropic" else f"{upstream.url}/v1"},
            "models": [{"model_id": name} for name in models],
            "api_key": {"key_value": PROVIDER_KEY},
        }
        made = gateway.rest("POST", "/providers", json={"provider_id": provider_id, "display_name": kind, **body})
        assert made.status_code in (201, 409), made.text
    ran = manage(gateway.environment, "shell", "-c", WEEK)
    assert ran.returncode == 0, ran.stderr
    return gateway


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_week_of_calls_is_drawn(filled: GatewayProcess, visit: Visits, scheme: str) -> None:
    visitor = visit(scheme)
    heads = {}
    for words in ("1 hour", "24 hours", "7 days"):
        visitor.click(words)
        heads[words] = int(visitor.page.locator(".gw-number").first.inner_text().replace(",", ""))
        assert all(number > 1000 for number in visitor.painted()) and len(visitor.painted()) == 3
        assert {cells[0] for cells in visitor.lines("Providers")} >= {"openai", "anthropic", "mistral", "echo"}
        visitor.read()
    assert 0 < heads["1 hour"] < heads["24 hours"] < heads["7 days"]
    assert {cells[0] for cells in visitor.lines("Models")} >= {"gpt-4o", "claude-sonnet-4-5"}
    visitor.picture("dashboard" if scheme == "light" else "dashboard-dark", down_to="[aria-labelledby=providers-title]")
    assert len(visitor.lines("Latest errors")) == 10
    visitor.page.get_by_role("region", name="Latest errors").locator("tbody a").first.click()
    visitor.looked()
    assert re.search(r"Error code (rate_limit_exceeded|upstream_error|upstream_timeout)", visitor.text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_playground_tells_what_went_wrong(
    filled: GatewayProcess, upstream: ThreadedUpstream, visit: Visits, scheme: str
) -> None:
    visitor = visit(scheme)
    visitor.click("Playground")
    page = visitor.page
    page.get_by_label("Model or route").select_option("openai/gpt-4o")
    upstream.script(faults.refuse(400, "The temperature is too high."))
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("Failed").wait_for()
    assert "The temperature is too high. (400 invalid_request)" in visitor.text()
    visitor.read()
    page.get_by_role("textbox", name=PROMPT).fill("")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("This field is required.").wait_for()
    assert page.get_by_role("status").inner_text() == "Not sent"
    visitor.read()
    assert visitor.trouble.pop() == "Failed to load resource: the server responded with a status of 400 (Bad Request)"


def test_stop_ends_the_call(filled: GatewayProcess, upstream: ThreadedUpstream, visit: Visits) -> None:
    visitor = visit()
    visitor.click("Playground")
    page = visitor.page
    page.get_by_label("Model or route").select_option("openai/gpt-4o")
    upstream.script(faults.stall())
    page.get_by_role("button", name="Send").click()
    eventually(lambda: page.get_by_role("log").text_content())
    link = page.get_by_role("link", name=re.compile(r"[0-9a-f-]{36}"))
    call_id, left = link.text_content(), upstream.disconnects
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("status").get_by_text("Stopped").wait_for()
    upstream.wait_disconnect(left + 1)
    call = eventually(lambda: filled.rest("GET", f"/calls/{call_id}").json().get("call_id") and link)
    call.click()
    visitor.looked()
    assert "Status cancelled Http status 499" in visitor.text()


@pytest.mark.parametrize("name", ["As curl", "In Python"])
def test_the_request_that_is_shown_runs_as_it_stands(
    filled: GatewayProcess, visit: Visits, name: str, tmp_path: Path
) -> None:
    program = ["sh", "-c"] if name == "As curl" else [sys.executable, "-c"]
    if name == "As curl" and shutil.which("curl") is None:
        pytest.skip(f"{MISSING}curl")
    visitor = visit()
    visitor.click("Playground")
    page = visitor.page
    page.get_by_label("Model or route").select_option("anthropic/claude-sonnet-4-5")
    page.get_by_role("textbox", name=PROMPT).fill('it\'s "so": $HOME, ünïcode')
    page.get_by_role("button", name="Send").click()
    page.get_by_role("status").get_by_text("Done").wait_for()
    code = visitor.code(name).replace("gw-your-project-key", PROJECT_KEY)
    ran = subprocess.run([*program, code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert (
        "$HOME" in ran.stdout and "data: [DONE]" in ran.stdout if name == "As curl" else "$HOME, ünïcode" in ran.stdout
    )
