"""Transcriptions and translations: a multipart form of which only the model changes."""

from __future__ import annotations

import pytest

from llm.snapshot import Caller, Snapshot
from tests.llm.http.serving import Answered, Serving
from tests.llm.service.snapshots import openai, snapshot
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import SSE, answer, pieces

SURFACES = ["audio/transcriptions", "audio/translations"]
TYPE = "multipart/form-data; boundary=----x'Y1"
MARK = b"------x'Y1"
SOUND = bytes(range(256)) + b"\r\n--other\r\n\r\n--"
FILE = b'Content-Disposition: form-data; name="file"; filename="name=model; a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n'
MODEL = b'content-disposition: form-data; name="model"\r\n\r\n'


def form(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    return b"".join(MARK + b"\r\n" + part + b"\r\n" for part in parts) + MARK + end


async def send(door: Serving, body: bytes, surface: str = SURFACES[0], content_type: str = TYPE) -> Answered:
    return await door.post(f"/v1/{surface}", body, content_type=content_type)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("first", [True, False])
async def test_all_but_the_model_is_kept_byte_for_byte(
    door: Serving, provider: FakeUpstream, surface: str, first: bool
) -> None:
    def parts(model: bytes) -> list[bytes]:
        return [MODEL + model, FILE + SOUND] if first else [FILE + SOUND, MODEL + model]

    answered = await send(door, form(*parts(b"oa/gpt-4o")), surface)
    assert (answered.status, answered.json["text"]) == (200, "heard")
    (received,) = provider.requests
    assert received.body == form(*parts(b"gpt-4o"))
    assert (received.path, received.headers["content-type"]) == (f"/v1/{surface}", TYPE)
    record = await door.record()
    assert (record.endpoint, record.status, record.model) == (surface, "succeeded", "gpt-4o")
    assert record.requested_model == "oa/gpt-4o"


@pytest.mark.parametrize(
    "content_type", ['multipart/form-data; boundary="----x\'Y1"', "Multipart/Form-Data;BOUNDARY=----x'Y1"]
)
async def test_a_boundary_in_any_writing(door: Serving, provider: FakeUpstream, content_type: str) -> None:
    assert (await send(door, form(MODEL + b"oa/gpt-4o", FILE), content_type=content_type)).status == 200
    assert provider.requests[0].headers["content-type"] == content_type


@pytest.mark.parametrize("parts", [[FILE + SOUND], [MODEL, FILE + SOUND], [FILE + SOUND, MODEL[:-2]]])
async def test_no_model_is_the_default_route(provider: FakeUpstream, parts: list[bytes]) -> None:
    caller = Caller("default", "key-a", default_route="oa/gpt-4o")
    config: Snapshot = snapshot([openai("oa", provider.url)], ["oa/gpt-4o"], caller=caller)
    async with Serving(config) as door:
        assert (await send(door, form(*parts))).status == 200
    body = provider.requests[0].body
    assert body.lower().count(b'name="model"\r\n\r\ngpt-4o\r\n' + MARK.lower()) == 1
    assert FILE + SOUND in body and body.endswith(MARK + b"--\r\n")


@pytest.mark.parametrize(
    ("answered_with", "content_type", "body"),
    [
        (answer(body=b"", content_type="text/plain; charset=utf-8"), "text/plain; charset=utf-8", b""),
        (answer(body=b"1\n00:00\nHi", content_type="application/x-subrip"), "application/x-subrip", b"1\n00:00\nHi"),
        (pieces([b"event: a\nda", b"ta: {}\n\n"]), SSE, b"event: a\ndata: {}\n\n"),
        (answer(body=b'{"text": "x" }'), "application/json", b'{"text": "x" }'),
    ],
)
async def test_answers_keep_their_type(
    door: Serving, provider: FakeUpstream, answered_with, content_type: str, body: bytes
) -> None:
    provider.script(answered_with)
    answered = await send(door, form(MODEL + b"oa/gpt-4o", FILE))
    assert (answered.status, answered.headers["content-type"], answered.body) == (200, content_type, body)
    assert (await door.record()).status == "succeeded"


@pytest.mark.parametrize(
    ("body", "content_type", "param"),
    [
        (b"{}", "application/json", "content-type"),
        (form(FILE), "multipart/form-data", "content-type"),
        (form(FILE), "multipart/form-data; boundary=\u00e9", "content-type"),
        (form(MODEL + b"oa/gpt-4o"), TYPE, "file"),
        (form(MODEL + b"a", MODEL + b"b", FILE), TYPE, "model"),
        (form(MODEL + b"\xff\xfe", FILE), TYPE, "model"),
        (form(FILE), TYPE, "model"),
        (b"", TYPE, None),
        (b"junk" + form(MODEL + b"a", FILE), TYPE, None),
        (form(MODEL + b"a", FILE, end=b""), TYPE, None),
        (form(MODEL + b"a", FILE)[:-30], TYPE, None),
        (MARK + b"\r\nno head" + MARK + b"--", TYPE, None),
        (form(*[FILE] * 1001), TYPE, None),
    ],
)
async def test_what_is_no_form_is_refused(
    door: Serving, provider: FakeUpstream, body: bytes, content_type: str, param: str | None
) -> None:
    answered = await send(door, body, content_type=content_type)
    error = answered.json["error"]
    assert (answered.status, error["code"], error["param"]) == (400, "invalid_request", param)
    assert provider.requests == []


async def test_the_body_limit_holds(config: Snapshot, provider: FakeUpstream) -> None:
    async with Serving(config, body_limit=1000) as door:
        assert (await send(door, form(MODEL + b"oa/gpt-4o", FILE + bytes(1000)))).status == 413
        record = await door.record()
    assert (record.http_status, record.endpoint) == (413, "audio/transcriptions")
    assert provider.requests == []


async def test_a_failed_attempt_sends_the_same_form_again(door: Serving, provider: FakeUpstream) -> None:
    provider.script(answer(500, json_body={}))
    body = form(MODEL + b"oa/gpt-4o", FILE + SOUND)
    assert (await send(door, body)).status == 200
    assert [one.body for one in provider.requests] == [body.replace(b"oa/", b"")] * 2
