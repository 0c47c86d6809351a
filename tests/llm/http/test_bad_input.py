"""Bad input: the dialect's envelope, the contract's table, one record each, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from llm.snapshot import Snapshot
from tests.llm.http.serving import Answered, Raw, Serving, chat, message
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream

CHAT, MESSAGES, GENERATE = "/v1/chat/completions", "/v1/messages", "/generate"
PATHS = [CHAT, MESSAGES, GENERATE]
TYPES = {
    "invalid_api_key": "authentication_error",
    "model_not_found": "not_found_error",
    "request_too_large": "request_too_large",
    "invalid_request": "invalid_request_error",
}


def assert_refused(path: str, answered: Answered, status: int, code: str) -> None:
    """The whole envelope, in the path's dialect."""
    assert answered.status == status
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-should-retry"] == "false"
    envelope = answered.json
    if path == MESSAGES:
        assert set(envelope) == {"type", "error", "request_id"}
        assert envelope["error"]["type"] == TYPES[code]
        assert envelope["request_id"] == answered.headers["request-id"]
        return
    error = envelope["error"]
    assert set(error) == {"message", "type", "param", "code", "source", "request_id"}
    assert (error["code"], error["source"]) == (code, "gateway")
    assert error["request_id"] == answered.headers["x-request-id"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", ["", "Bearer gw-wrong-0123456789", "Bearer gwadm-0123456789abc", "Basic eA=="]
)
async def test_a_wrong_key_is_401_and_recorded(
    door: Serving, provider: FakeUpstream, path: str, authorization: str
) -> None:
    answered = await door.post(path, chat("fast"), authorization=authorization, x_request_id="mine")
    assert_refused(path, answered, 401, "invalid_api_key")
    assert b"0123456789" not in answered.body
    record = await door.record()
    assert (record.status, record.http_status, record.error_code) == ("failed", 401, "invalid_api_key")
    assert (record.project, record.request_id, record.revision) == ("", "mine", 7)
    assert record.call_id == answered.headers["x-gateway-call-id"]
    assert not provider.requests


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"model": "fast",}', b'{"model": "\xff"}', b"[]", b'"text"', b"null", b"1"]
)
async def test_what_is_no_json_object_is_400(door: Serving, path: str, body: bytes) -> None:
    assert_refused(path, await door.post(path, body), 400, "invalid_request")
    assert (await door.record()).project == "default"


WRONG = [
    ("model", 7),
    ("model", ["fast"]),
    ("stream", "yes"),
    ("stream", 1),
    ("messages", None),
    ("messages", "hello"),
    ("messages", {}),
    ("messages", []),
    ("max_tokens", "many"),
    ("max_tokens", 1.5),
    ("max_tokens", True),
    ("temperature", "hot"),
    ("tools", {}),
    ("metadata", []),
]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(("field", "value"), WRONG)
async def test_a_wrong_type_is_400_and_names_the_field(
    door: Serving, provider: FakeUpstream, path: str, field: str, value: object
) -> None:
    answered = await door.post(path, {**message("fast"), field: value})
    assert_refused(path, answered, 400, "invalid_request")
    assert field in answered.json["error"]["message"]
    if path == CHAT:
        assert answered.json["error"]["param"] == field
    assert (await door.record()).error_code == "invalid_request"
    assert not provider.requests


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_messages_must_be_there(door: Serving, path: str) -> None:
    answered = await door.post(path, {"model": "fast", "max_tokens": 1})
    assert_refused(path, answered, 400, "invalid_request")


async def test_an_end_user_that_is_no_text_is_400(door: Serving) -> None:
    answered = await door.post(MESSAGES, message("fast", metadata={"user_id": 5}))
    assert_refused(MESSAGES, answered, 400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "fast"}, "prompt"),
        ({"model": "fast", "prompt": ""}, "prompt"),
        ({"model": "fast", "prompt": ["x"]}, "prompt"),
        ({"prompt": "x"}, "model"),
        ({"prompt": "x", "provider_id": "oa"}, "model"),
        ({"prompt": "x", "model": 1}, "model"),
        ({"prompt": "x", "model": "gpt-4o", "provider_id": 1}, "provider_id"),
        ({"prompt": "x", "model": "fast", "max_tokens": "1"}, "max_tokens"),
        ({"prompt": "x", "model": "fast", "temperature": "1"}, "temperature"),
        ({"prompt": "x", "model": "fast", "system_prompt": 1}, "system_prompt"),
        ({"prompt": "x", "model": "fast", "stream": "true"}, "stream"),
        ({"prompt": "x", "model": "fast", "top_p": 1}, "top_p"),
    ],
)
async def test_generate_names_the_wrong_field(door: Serving, body: dict[str, object], param: str) -> None:
    answered = await door.post(GENERATE, body)
    assert_refused(GENERATE, answered, 400, "invalid_request")
    assert answered.json["error"]["param"] == param


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", ["nothing", "oa/nothing", "nobody/gpt-4o", "*"])
async def test_an_unknown_model_is_404(door: Serving, path: str, model: str) -> None:
    body = {"model": model, "prompt": "x"} if path == GENERATE else message(model)
    assert_refused(path, await door.post(path, body), 404, "model_not_found")
    record = await door.record()
    assert (record.requested_model, record.error_code, record.attempts) == (model, "model_not_found", 0)


async def test_a_model_is_needed_where_there_is_no_default_route(door: Serving) -> None:
    answered = await door.post(CHAT, {"messages": [{"role": "user", "content": "x"}]})
    assert_refused(CHAT, answered, 400, "invalid_request")
    assert answered.json["error"]["param"] == "model"


async def test_tags_past_the_bounds_are_400(door: Serving) -> None:
    for tags in ("x" * 65, ",".join("abcdefghijklmnopq")):
        assert_refused(CHAT, await door.post(CHAT, chat("fast"), x_gateway_tags=tags), 400, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_too_large_is_413_by_its_length_alone(door: Serving, path: str) -> None:
    client = await Raw.connect(door)
    await client.send(path, b"", length=33 * 1024 * 1024)
    head = await client.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()
    assert (await client.rest()).count(b"request_too_large") == 1
    assert (await door.record()).http_status == 413
    client.leave()


async def test_a_body_of_unknown_length_is_bounded_as_it_comes(config: Snapshot) -> None:
    async with Serving(config, body_limit=1000) as door:

        async def chunks():
            for _ in range(20):
                yield b" " * 100

        answered = await door.send("POST", CHAT, data=chunks())
        assert_refused(CHAT, answered, 413, "request_too_large")


async def test_a_wrong_key_is_refused_before_the_body_is_read(door: Serving) -> None:
    client = await Raw.connect(door)
    await client.send(CHAT, b"", length=30_000_000, authorization="Bearer gw-wrong")
    head = await client.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    await client.rest()
    client.leave()


async def test_a_caller_that_leaves_in_its_own_body_is_recorded(door: Serving) -> None:
    client = await Raw.connect(door)
    await client.send(CHAT, b'{"model"', length=1000, expect="100-continue")
    await client.until(b"\r\n\r\n")  # the server asks for the body: the door is reading
    client.leave()
    record = await door.record()
    assert (record.status, record.http_status, record.project) == ("cancelled", 499, "default")


async def test_the_connection_goes_on_after_a_refusal(door: Serving) -> None:
    answers = await asyncio.gather(*(door.post(CHAT, chat("nothing")) for _ in range(20)))
    assert {answered.status for answered in answers} == {404}
    assert (await door.post(CHAT, chat("e/echo"), authorization=f"bearer {KEY}")).status == 200
