"""The playground's page and its call, through a Gateway with an echo provider."""

from __future__ import annotations

import ast
import asyncio
import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from gateway_project.admin_site import snippets, waited
from llm import service
from llm.errors import GatewayUnavailable
from llm.observe.record import CallRecord
from llm.service import Gateway
from llm.snapshot import Caller, Holder, Route, RouteTarget, Snapshot
from tests.llm.service.scripted import NoTransport, ScriptedAdapter, ScriptedStream
from tests.llm.service.scripted import gateway as scripted_gateway
from tests.llm.service.snapshots import snapshot, upstream

pytestmark = pytest.mark.django_db
PAGE, CALL = "/admin/playground/", "/admin/playground/call/"
FORM = {"project": "default", "model": "echo/m", "prompt": "hello you"}
ROUTE = Route("fast", (RouteTarget("echo", "m"),))


class Kept:
    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    def write(self, record: CallRecord) -> None:
        self.records.append(record)


def config() -> Snapshot:
    """The project accepts no tasks: the playground is none."""
    caller = Caller("default", "key-a", accept_tasks=False)
    return snapshot([upstream("echo")], ["echo/m", "echo/*"], [ROUTE], caller=caller)


@pytest.fixture
def kept() -> Iterator[Kept]:
    sink = Kept()
    gateway = Gateway(Holder(config()), sink, NoTransport())
    service.install(lambda: gateway)
    yield sink
    service.install(_none)


def _none() -> Gateway:
    raise GatewayUnavailable("No gateway is installed any longer.")  # as where none ever was


def events(answer: Any) -> list[tuple[str, Any]]:
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/event-stream")
    return parsed(b"".join(answer.streaming_content).decode())


def parsed(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        if lines["data"] != "[DONE]":
            found.append((lines.get("event", "message"), json.loads(lines["data"])))
    return found


def test_the_page_offers_what_is_enabled(admin: Client, kept: Kept) -> None:
    page = admin.get(PAGE).content.decode()
    for offered in ("fast", "echo/m", "echo/*", "default"):
        assert f'value="{offered}"' in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page  # nothing from elsewhere


def test_every_field_has_a_label(admin: Client, kept: Kept) -> None:
    form = admin.get(PAGE).context["form"]
    page = admin.get(PAGE).content.decode()
    assert len(form.fields) == 9
    for field in form:
        assert f'for="{field.id_for_label}"' in page and f'id="{field.id_for_label}"' in page


def test_a_streamed_call(admin: Client, kept: Kept) -> None:
    told = events(admin.post(CALL, {**FORM, "stream": "on"}))
    pieces = [value for name, value in told if name == "message"]
    assert len(pieces) > 2
    assert "".join(piece["content"] for piece in pieces[:-1]) == pieces[-1]["content"] == "Echo: hello you"
    name, done = told[-1]
    assert (name, done["provider"], done["model"], done["output_tokens"] > 0) == ("done", "echo", "m", True)
    assert 0 < done["first_token_ms"] <= done["latency_ms"]
    [record] = kept.records
    assert (record.status, record.project, record.stream, record.end_user) == ("succeeded", "default", True, "root")
    assert record.tags["door"] == "playground"
    call = dict(told)["call"]
    assert call["call_id"] == record.call_id and record.call_id in call["url"]


def test_a_whole_call_with_parameters(admin: Client, kept: Kept) -> None:
    form = {**FORM, "model": "fast", "system_prompt": "Be brief.", "max_tokens": "2", "extras": '{"seed": 7}'}
    told = dict(events(admin.post(CALL, form)))
    assert told["message"]["content"] == "Echo: hello" and told["done"]["finish_reason"] == "length"
    assert kept.records[0].route == "fast" and not kept.records[0].stream
    assert "seed" in told["request"]["curl"] and "Be brief." in told["request"]["python"]


def test_a_provider_that_serves_any_model_wants_its_name(admin: Client, kept: Kept) -> None:
    form = {**FORM, "model": "echo/*"}
    assert list(admin.post(CALL, form).json()["errors"]) == ["model_name"]
    assert dict(events(admin.post(CALL, {**form, "model_name": "other"})))["done"]["model"] == "other"


def test_a_failed_call_shows_the_designed_message(admin: Client, kept: Kept) -> None:
    told = events(admin.post(CALL, {**FORM, "model": "gone/m"}))
    name, error = told[-1]
    assert (name, error["status"], error["code"]) == ("error", 404, "model_not_found")
    assert kept.records[0].error_code == "model_not_found"


def test_a_defect_is_told_without_its_stack(admin: Client, kept: Kept) -> None:
    class Broken(Gateway):
        async def answer(self, call: Any) -> Any:
            raise ZeroDivisionError("secret detail")

    broken = Broken(Holder(config()), kept, NoTransport())
    service.install(lambda: broken)
    told = events(admin.post(CALL, FORM))
    assert told[-1] == ("error", {"message": "The gateway failed.", "code": "internal_error", "status": 500})


@pytest.mark.parametrize(
    ("field", "value"),
    [("project", "no-such"), ("prompt", ""), ("extras", "[1]"), ("extras", '{"model": "x"}'), ("max_tokens", "0")],
)
def test_a_form_that_cannot_be_sent(admin: Client, kept: Kept, field: str, value: str) -> None:
    answer = admin.post(CALL, {**FORM, field: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not kept.records


def test_without_a_configuration_the_page_says_so(admin: Client, kept: Kept) -> None:
    empty = Gateway(Holder(), kept, NoTransport())
    service.install(lambda: empty)
    assert "not loaded its configuration" in admin.get(PAGE).content.decode()
    assert admin.post(CALL, FORM).status_code == 503


def test_leaving_a_stream_ends_the_call(admin: Client, kept: Kept) -> None:
    answer = admin.post(CALL, {**FORM, "stream": "on", "prompt": "word " * 50})
    pieces = iter(answer.streaming_content)
    while not next(pieces).startswith(b'data: {"content"'):
        pass
    answer.close()
    assert [record.status for record in kept.records] == ["cancelled"]


CHUNK = (
    b'data: {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "one"}}]}\n\n'
)


@pytest.mark.parametrize(
    ("stream", "provider", "told"),
    [
        ("", ScriptedAdapter(asyncio.Event()), [b"event: re", b"event: ca", b": waiting", b": waiting"]),
        ("on", ScriptedAdapter(asyncio.Event()), [b"event: re", b"event: ca", b": waiting", b": waiting"]),
        (
            "on",
            ScriptedAdapter(ScriptedStream([CHUNK, asyncio.Event()])),
            [b"event: re", b"event: ca", b'data: {"c', b": waiting", b": waiting"],
        ),
    ],
    ids=["whole", "before the first piece", "between two pieces"],
)
def test_leaving_a_silent_provider_ends_the_call(
    admin: Client,
    kept: Kept,
    monkeypatch: pytest.MonkeyPatch,
    stream: str,
    provider: ScriptedAdapter,
    told: list[bytes],
) -> None:
    """A browser that has left is found out by writing to it, so something is written while a provider is silent."""
    monkeypatch.setattr(waited, "SECONDS", 0.02)
    silent = scripted_gateway(config(), kept, provider)
    service.install(lambda: silent)
    answer = admin.post(CALL, {**FORM, "stream": stream})
    blocks = (part + b"\n\n" for piece in answer.streaming_content for part in piece.strip().split(b"\n\n"))
    assert [next(blocks)[:9] for _ in told] == told
    answer.close()
    assert [(record.status, record.http_status) for record in kept.records] == [("cancelled", 499)]


def test_rights(viewer: Client, kept: Kept) -> None:
    assert viewer.get(PAGE).status_code == 403 and viewer.post(CALL, FORM).status_code == 403
    assert PAGE not in viewer.get("/admin/").content.decode()
    assert Client().get(PAGE).status_code == 302


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_the_pieces_come_one_by_one(root: User, kept: Kept) -> None:
    client = AsyncClient()
    await client.aforce_login(root)
    answer = await client.post(CALL, {**FORM, "stream": "on"})
    pieces = [piece async for piece in answer.streaming_content]
    assert len(pieces) > 3
    assert parsed(b"".join(pieces).decode())[-1][0] == "done"


def test_the_snippets_run_as_they_stand() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": 'it\'s "so" $HOME\n'}], "seed": 7, "stream": True}
    told = snippets.of(body, base_url="http://127.0.0.1:8000/v1")
    words = shlex.split(told["curl"])
    assert json.loads(words[words.index("-d") + 1]) == body
    assert words[:3] == ["curl", "-sN", "http://127.0.0.1:8000/v1/chat/completions"]
    [create] = [node for node in ast.walk(ast.parse(told["python"])) if isinstance(node, ast.Call) and node.keywords][
        1:2
    ]
    given = {word.arg: ast.literal_eval(word.value) for word in create.keywords}
    assert given.pop("extra_body") == {"seed": 7}
    assert {**given, "seed": 7} == body
