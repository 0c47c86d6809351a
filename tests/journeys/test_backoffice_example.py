"""examples/backoffice, run as its README says, beside a gateway: a browser's requests to its pages."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import MISSING
from tests.support.children import die_with_parent, end
from tests.support.eventually import eventually
from tests.support.gateway import ADMIN_TOKEN, PROJECT_KEY, ROOT, GatewayProcess, free_port
from tests.support.visitor import ARGUMENTS

FOLDER = ROOT / "examples" / "backoffice"
PASSWORD = "a-password-of-the-backoffice"
ITS_OWN = {"backoffice", "llm_gateway_client", "django", "celery", "kombu", "redis"}


class Visitor:
    """A person with a browser: cookies, and the hidden field of forms."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, timeout=60, follow_redirects=True)
        self._token = ""

    def get(self, path: str) -> httpx2.Response:
        answer = self.client.get(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
        self._token = found[1] if found else self._token
        return answer

    def post(self, path: str, **fields: str) -> httpx2.Response:
        return self.client.post(path, data=self.form(**fields))

    def form(self, **fields: str) -> dict[str, str]:
        return {"csrfmiddlewaretoken": self._token, **fields}

    def log_in(self, name: str) -> httpx2.Response:
        self.get("/login")
        answer = self.post("/login", username=name, password=PASSWORD)
        self.get("/ask")
        return answer


def started(folder: Path, **values: str) -> tuple[dict[str, str], list[str]]:
    """Environment and command; of our code only the client can be imported."""
    (folder / "llm_gateway_client").symlink_to(ROOT / "llm_gateway_client")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLM_GATEWAY_", "DJANGO_"))}
    own = {"PYTHONPATH": str(folder), "BACKOFFICE_DATABASE": str(folder / "backoffice.db"), **values}
    return {**kept, **own}, [sys.executable, str(FOLDER / "manage.py")]


@pytest.fixture(scope="module")
def backoffice(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environment, command = started(
        tmp_path_factory.mktemp("backoffice"),
        GATEWAY_URL=gateway.url,
        GATEWAY_ADMIN_TOKEN=ADMIN_TOKEN,
        GATEWAY_KEY=PROJECT_KEY,
        GATEWAY_REDIS=gateway.redis_url(),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    setup = [["migrate"], ["createsuperuser", "--noinput", "--username", "chief", "--email", "chief@example.com"]]
    clerk = f"from django.contrib.auth.models import User; User.objects.create_user('clerk', password='{PASSWORD}')"
    for arguments in [*setup, ["shell", "-c", clerk], ["makemigrations", "--check", "--dry-run"]]:
        ran = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
    url = f"http://127.0.0.1:{(port := free_port())}"
    server = [*command, "runserver", "--noreload", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        server, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    try:
        eventually(lambda: _answers(url), seconds=30)
        yield url
    finally:
        end(process)
        gateway.rest("DELETE", "/providers/office")


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/login").status_code == 200
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="module")
def chief(backoffice: str) -> Visitor:
    visitor = Visitor(backoffice)
    assert visitor.log_in("chief").url.path == "/ask"
    return visitor


@pytest.fixture(scope="module")
def provider(gateway: GatewayProcess) -> str:
    """With a model that takes its time."""
    models = [{"model_id": "echo-1"}, {"model_id": "slow", "parameters": {"tokens_per_second": 2}}]
    body = {"provider_id": "office", "display_name": "The office's", "provider_type": "echo", "models": models}
    answer = gateway.rest("POST", "/providers", json=body)
    assert answer.status_code == 201, answer.text
    return "office"


def row(page: str, provider_id: str) -> str:
    found = re.search(rf'<tr id="{provider_id}">.*?</tr>', page, re.DOTALL)
    assert found, page
    return found[0]


def test_it_has_no_code_of_the_gateway_but_the_client() -> None:
    trees = [ast.parse(file.read_text()) for file in FOLDER.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    tops = {name.partition(".")[0] for name in names}
    assert tops - set(sys.stdlib_module_names) <= ITS_OWN
    assert "llm_gateway_client" in tops


def test_managing_is_for_staff(backoffice: str, provider: str) -> None:
    visitor = Visitor(backoffice)
    for path in ("/", "/ask", "/summaries"):
        assert visitor.get(path).url.path == "/login"
    visitor.log_in("clerk")
    assert visitor.get("/").url.path == "/login"
    visitor.get("/ask")
    assert visitor.post(f"/providers/{provider}/enabled", enabled="no").url.path == "/login"
    visitor.get("/ask")
    assert visitor.post("/ask/answer", model="echo", question="May I?").text == "Echo: May I?"


def test_a_model_is_added(chief: Visitor, provider: str, gateway: GatewayProcess) -> None:
    page = row(chief.get("/").text, provider)
    assert "The office&#x27;s" in page
    assert "ready" in page
    done = chief.post(f"/providers/{provider}/models", model_id="echo-2", context_window="8000")
    assert "office/echo-2 was added." in done.text
    assert "echo-2" in row(done.text, provider)
    found = gateway.rest("GET", f"/providers/{provider}/models/echo-2").json()
    assert (found["context_window"], found["enabled"]) == (8000, True)
    change = gateway.rest("GET", "/audit/changes?object=model:office/echo-2").json()["results"][0]
    assert change["reason"] == "by chief in the backoffice"
    assert chief.post("/ask/answer", model="office/echo-2", question="Now?").text == "Echo: Now?"


def test_what_the_gateway_refuses_stands_in_the_form(chief: Visitor, provider: str) -> None:
    chief.get("/")
    refused = chief.post(f"/providers/{provider}/models", model_id="what?")
    assert refused.status_code == 400
    assert re.search(r'class="errorlist"[^>]*><li>[^<]+</li>', row(refused.text, provider))
    assert 'value="what?"' in row(refused.text, provider)
    twice = chief.post(f"/providers/{provider}/models", model_id="echo-1")
    assert "(conflict)" in twice.text
    gone = chief.post("/providers/nobody/models", model_id="echo-1")
    assert "(not_found)" in gone.text


def test_a_provider_is_disabled_and_enabled(chief: Visitor, provider: str, gateway: GatewayProcess) -> None:
    chief.get("/")
    done = chief.post(f"/providers/{provider}/enabled", enabled="no")
    assert "office is disabled." in done.text
    assert "Enable" in row(done.text, provider)
    eventually(lambda: gateway.chat("office/echo-1").status_code == 404)
    refused = chief.post("/ask/answer", model="office/echo-1", question="Still there?")
    assert refused.status_code == 502
    assert "(model_not_found, request " in refused.text
    assert "office is enabled." in chief.post(f"/providers/{provider}/enabled", enabled="yes").text
    eventually(lambda: gateway.chat("office/echo-1").status_code == 200)


def test_an_answer_comes_in_pieces_and_is_recorded(chief: Visitor, provider: str, gateway: GatewayProcess) -> None:
    form = chief.form(model="office/slow", question="one two")
    with chief.client.stream("POST", "/ask/answer", data=form) as answer:
        pieces = list(answer.iter_text())
    assert "".join(pieces) == "Echo: one two"
    assert len(pieces) > 1
    call = eventually(lambda: _call(gateway, status="succeeded"))
    assert (call["end_user"], call["tags"], call["stream"]) == ("chief", {"feature": "ask"}, True)


def test_leaving_ends_the_call(chief: Visitor, provider: str, gateway: GatewayProcess) -> None:
    form = chief.form(model="office/slow", question="word " * 2000)
    with chief.client.stream("POST", "/ask/answer", data=form) as answer:
        assert next(answer.iter_text()) == "Echo:"
    assert eventually(lambda: _call(gateway, status="cancelled"), seconds=20)["end_user"] == "chief"


@pytest.fixture
def page(backoffice: str) -> Iterator[Any]:
    """The page Ask in a browser, with somebody logged in."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=f"{MISSING}playwright")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip(f"{MISSING}a browser (chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"{backoffice}/login")
        page.get_by_label("Username").fill("clerk")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        yield page
        browser.close()


def test_in_a_browser_the_answer_grows_and_is_stopped(page: Any, provider: str, gateway: GatewayProcess) -> None:
    page.get_by_label("Model").fill("office/slow")
    page.get_by_label("Question").fill("<b>one</b> " * 2000)
    page.get_by_role("button", name="Ask").click()
    answer = page.locator("#answer")
    eventually(lambda: answer.inner_text().startswith("Echo: <b>one</b>"), seconds=20)
    page.get_by_role("button", name="Stop").click()
    assert eventually(lambda: _call(gateway, status="cancelled", user="clerk"), seconds=20)
    page.get_by_label("Model").fill("no-such-model")
    page.get_by_role("button", name="Ask").click()
    eventually(lambda: "(model_not_found, request " in answer.inner_text())
    assert answer.get_attribute("class") == "error"


def _call(gateway: GatewayProcess, *, status: str, user: str = "chief") -> dict[str, object]:
    query = f"/calls?provider=office&model=slow&status={status}&search={user}"
    found: list[dict[str, object]] = gateway.rest("GET", query).json()["results"]
    return found[0] if found else {}


def test_a_question_is_needed(chief: Visitor) -> None:
    chief.get("/ask")
    assert chief.post("/ask/answer", model="echo", question="").status_code == 400


def test_a_summary_is_made_in_the_background(chief: Visitor, gateway: GatewayProcess) -> None:
    chief.get("/summaries")
    assert chief.post("/summaries", model="echo", text="A <long> text.").url.path == "/summaries"
    done = eventually(lambda: _without_waiting(chief), seconds=30)
    assert "<pre>Echo: A &lt;long&gt; text.</pre>" in done
    assert chief.post("/summaries", model="no-such-model", text="Another one").status_code == 200
    failed = eventually(lambda: _without_waiting(chief), seconds=30)
    assert "(model_not_found)" in failed
    [call] = eventually(
        lambda: gateway.rest("GET", "/calls?search=chief&status=succeeded&model=echo").json()["results"]
    )
    assert (call["tags"], call["end_user"]) == ({"feature": "summary"}, "chief")
    other = Visitor(str(chief.client.base_url))
    other.log_in("clerk")
    assert "A &lt;long&gt; text." not in other.get("/summaries").text


ENDS = """
import json, redis
from django.conf import settings
from backoffice import summaries
from backoffice.models import Summary
message = {"choices": [{"message": {"content": None, "refusal": "I will not."}}]}
ends = [
    ("SUCCESS", {"response": message, "gateway": {"cost_usd": 0.5}}),
    ("REVOKED", {"exc_type": "TaskRevokedError", "exc_module": "celery.exceptions", "exc_message": ["expired"]}),
]
for number, (status, result) in enumerate(ends):
    summary = Summary.objects.create(user="chief", model="m", title="t", task_id=f"task-{number}")
    meta = {"task_id": summary.task_id, "status": status, "result": result, "traceback": None, "children": []}
    with redis.Redis.from_url(settings.GATEWAY_REDIS) as store:
        store.set(f"celery-task-meta-{summary.task_id}", json.dumps(meta))
    summaries.refresh(summary)
    print(summary.state, summary.text, sep=": ")
"""


def test_a_summary_without_a_text_and_one_that_was_revoked(redis_url: str, tmp_path: Path) -> None:
    environment, command = started(tmp_path, GATEWAY_REDIS=redis_url)
    for arguments in (["migrate"], ["shell", "-c", ENDS]):
        ran = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
    assert "done: The model gave no text.\nfailed: expired\n" in ran.stdout


def _without_waiting(visitor: Visitor) -> str:
    page = visitor.get("/summaries").text
    return "" if "waiting" in page or "<pre>" not in page else page


def test_without_a_gateway_the_pages_say_so(tmp_path: Path) -> None:
    environment, command = started(tmp_path, GATEWAY_URL="http://127.0.0.1:9", GATEWAY_ADMIN_TOKEN="gwadm-x")
    environment["GATEWAY_KEY"] = "gw-x"
    program = """
from django.contrib.auth.models import User
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_superuser("chief"))
answers = [
    client.get("/"),
    client.post("/ask/answer", {"model": "echo", "question": "x"}),
    client.post("/summaries", {"model": "echo", "text": "x"}),
]
print([answer.status_code for answer in answers])
print("(connection_failed)" in answers[0].text, "(connection_failed, request " in answers[1].text)
print("GATEWAY_REDIS is not set." in answers[2].text)
"""
    for arguments in (["migrate"], ["shell", "-c", program]):
        ran = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-3:] == ["[502, 502, 200]", "True True", "True"]
