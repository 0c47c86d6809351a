"""Live calls over the socket: answers, headers, records, and every row of provider trouble."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llm.errors import InternalError, RecordNotWritten
from llm.observe.record import CallRecord
from llm.snapshot import Snapshot, UpstreamKey
from llm.spec import Adapter
from llm.transport.base import Transport
from tests.llm.http.serving import Serving, chat, events, message
from tests.llm.service.snapshots import openai, snapshot
from tests.support import upstream_faults as faults
from tests.support.upstream import FakeUpstream
from tests.support.upstream_answers import Tokens
from tests.support.upstream_behaviours import Behaviour, text

CHAT, MESSAGES, GENERATE = "/v1/chat/completions", "/v1/messages", "/generate"
MODELS = ["oa/gpt-4o", "an/claude-sonnet-4-5", "e/echo"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_chat_completion(door: Serving, model: str) -> None:
    answered = await door.post(CHAT, chat(model))
    assert answered.status == 200
    (choice,) = answered.json["choices"]
    assert "Hello there" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    usage = answered.json["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
async def test_a_message(door: Serving, model: str) -> None:
    answered = await door.post(MESSAGES, message(model))
    assert answered.status == 200
    assert (answered.json["type"], answered.json["stop_reason"]) == ("message", "end_turn")
    assert "Hello there" in answered.json["content"][0]["text"]
    assert answered.headers["request-id"] == answered.headers["x-request-id"]


async def test_headers_and_record_tell_the_same(door: Serving, provider: FakeUpstream) -> None:
    provider.script(text("fine", tokens=Tokens(10, 5)))
    body = chat("fast", user="user-1")
    answered = await door.post(CHAT, body, x_request_id="label-1", x_gateway_tags="team=red, nightly")
    record = await door.record()
    headers = answered.headers
    assert headers["x-request-id"] == record.request_id == "label-1"
    assert headers["x-gateway-call-id"] == record.call_id
    assert headers["x-gateway-provider"] == record.provider == "oa"
    assert headers["x-gateway-model"] == record.model == "gpt-4o"
    assert int(headers["x-gateway-attempts"]) == record.attempts == 1
    assert int(headers["x-gateway-revision"]) == record.revision == 7
    assert float(headers["x-gateway-overhead-ms"]) == pytest.approx(record.overhead_ms, abs=0.001)
    assert headers["x-gateway-cache"] == "bypass"
    assert "x-gateway-dropped" not in headers
    assert (record.status, record.http_status, record.error_code) == ("succeeded", 200, "")
    assert (record.project, record.key, record.route, record.requested_model) == ("default", "key-a", "fast", "fast")
    assert (record.end_user, record.tags) == ("user-1", {"team": "red", "nightly": ""})
    assert (record.input_tokens, record.output_tokens, record.usage_estimated) == (10, 5, False)
    assert (record.endpoint, record.stream, record.time_to_first_token_ms) == ("chat/completions", False, None)
    assert 0 < record.overhead_ms < record.latency_ms


async def test_what_a_dialect_cannot_carry_is_named(door: Serving) -> None:
    answered = await door.post(CHAT, chat("an/claude-sonnet-4-5", seed=7))
    assert answered.headers["x-gateway-dropped"] == "seed"


async def test_the_body_passes_through_in_its_own_dialect(door: Serving, provider: FakeUpstream) -> None:
    await door.post(CHAT, chat("oa/gpt-4o", a_new_field={"deep": [1, None]}))
    (received,) = provider.requests
    assert received.json == chat("gpt-4o", a_new_field={"deep": [1, None]})
    assert received.headers["authorization"] == "Bearer sk-test"


async def test_the_callers_key_never_reaches_the_provider(door: Serving, provider: FakeUpstream) -> None:
    await door.post(MESSAGES, message("an/claude-sonnet-4-5"))
    assert not any("gw-" in value for value in provider.requests[0].headers.values())


@pytest.mark.parametrize("model", ["gpt-4o", "an/claude-sonnet-4-5"])
async def test_generate(door: Serving, provider: FakeUpstream, model: str) -> None:
    body = {"prompt": "Hi", "model": model, "system_prompt": "Be brief.", "max_tokens": 50, "temperature": 0.5}
    answered = await door.post(GENERATE, body, x_request_id="mine")
    found = answered.json
    assert set(found) == {
        "request_id", "content", "model", "provider_id", "finish_reason", "prompt_tokens", "completion_tokens",
        "total_tokens", "latency_ms", "created_at",
    }  # fmt: skip
    assert (found["request_id"], found["content"], found["finish_reason"]) == ("mine", "echo: Hi", "stop")
    assert found["model"] == model.rpartition("/")[2]
    assert found["total_tokens"] == found["prompt_tokens"] + found["completion_tokens"]
    assert found["created_at"].endswith("Z")
    sent = provider.requests[0].json
    assert (sent["max_tokens"], sent["temperature"]) == (50, 0.5)
    record = await door.record()
    assert (record.endpoint, record.latency_ms) == ("generate", found["latency_ms"])


async def test_generate_takes_the_provider_apart_from_the_model(door: Serving) -> None:
    answered = await door.post(GENERATE, {"prompt": "Hi", "model": "gpt-4o", "provider_id": "oa"})
    assert (answered.json["provider_id"], answered.json["model"]) == ("oa", "gpt-4o")
    other = await door.post(GENERATE, {"prompt": "Hi", "model": "gpt-4o", "provider_id": "an"})
    assert other.status == 404


async def test_generate_streams_content_and_then_the_whole_answer(door: Serving) -> None:
    whole = (await door.post(GENERATE, {"prompt": "Hi you", "model": "oa/gpt-4o"})).json
    for model in ("oa/gpt-4o", "an/claude-sonnet-4-5"):
        answered = await door.post(GENERATE, {"prompt": "Hi you", "model": model, "stream": True})
        assert answered.headers["content-type"].startswith("text/event-stream")
        *pieces, last, done = events(answered.body)
        assert done == "[DONE]"
        assert all(set(piece) == {"content"} for piece in pieces)
        assert "".join(piece["content"] for piece in pieces) == last["content"] == whole["content"]
        assert set(last) == set(whole)
        assert (last["completion_tokens"], last["finish_reason"]) == (whole["completion_tokens"], "stop")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_stream_is_finished_and_recorded(door: Serving, path: str, model: str) -> None:
    answered = await door.post(path, message(model, stream=True))
    assert answered.status == 200
    assert answered.headers["content-type"].startswith("text/event-stream")
    assert answered.headers["x-gateway-attempts"] == "1"
    last = events(answered.body)[-1]
    assert last == "[DONE]" if path == CHAT else last == {"type": "message_stop"}
    record = await door.record()
    assert (record.status, record.http_status, record.stream) == ("succeeded", 200, True)
    assert record.output_tokens > 0
    assert record.time_to_first_token_ms is not None
    assert 0 < record.time_to_first_token_ms <= record.latency_ms


@pytest.mark.parametrize("asked", [None, {"include_usage": True}, {"include_usage": False}])
async def test_usage_is_recorded_and_told_only_to_who_asks(door: Serving, asked: object) -> None:
    options = {} if asked is None else {"stream_options": asked}
    answered = await door.post(CHAT, chat("oa/gpt-4o", stream=True, **options))
    told = [event for event in events(answered.body) if event != "[DONE]" and event.get("usage")]
    assert bool(told) == (asked == {"include_usage": True})
    assert (await door.record()).input_tokens > 0


ROWS: list[tuple[Callable[[], Behaviour], int, str, str]] = [
    (lambda: faults.refuse(400), 400, "invalid_request", "invalid_request_error"),
    (lambda: faults.refuse(422), 422, "invalid_request", "invalid_request_error"),
    (faults.context_length_exceeded, 400, "context_length_exceeded", "invalid_request_error"),
    (lambda: faults.refuse(401), 502, "upstream_credentials_exhausted", "api_error"),
    (lambda: faults.refuse(403), 502, "upstream_credentials_exhausted", "api_error"),
    (lambda: faults.rate_limited(None), 429, "rate_limit_exceeded", "rate_limit_error"),
    (faults.server_error, 502, "upstream_error", "api_error"),
    (faults.reset, 502, "upstream_error", "api_error"),
    (faults.close_without_answer, 502, "upstream_error", "api_error"),
    (faults.html, 502, "upstream_error", "api_error"),
    (lambda: faults.html(200), 502, "upstream_error", "api_error"),
    (faults.invalid_json, 502, "upstream_error", "api_error"),
    (faults.not_http, 502, "upstream_error", "api_error"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fault", "status", "code", "kind"), ROWS)
async def test_a_providers_trouble_has_its_row_in_both_dialects(
    impatient: Serving, provider: FakeUpstream, fault: Callable[[], Behaviour], status: int, code: str, kind: str,
    stream: bool,
) -> None:  # fmt: skip
    provider.default = fault()
    ours = await impatient.post(CHAT, chat("oa/gpt-4o", stream=stream))
    assert (ours.status, ours.json["error"]["code"]) == (status, code)
    assert ours.json["error"]["source"] == "provider"
    assert ours.headers["x-should-retry"] == "false"
    assert ours.headers["x-gateway-provider"] == "oa"
    assert ("retry-after" in ours.headers) == (status == 429)
    impatient.gateway.board.reset("key", "oa/key-1", "operator")  # a refused key would not be asked again
    theirs = await impatient.post(MESSAGES, message("oa/gpt-4o", stream=stream))
    assert (theirs.status, theirs.json["error"]["type"]) == (status, kind)
    for answered in (ours, theirs):
        assert provider.url.encode() not in answered.body and b"127.0.0.1" not in answered.body
        assert b"sk-test" not in answered.body and b"nginx" not in answered.body
    first, second = await impatient.records(2)
    for record in (first, second):
        assert (record.status, record.http_status, record.error_code) == ("failed", status, code)
        assert (record.attempts, record.provider, record.model) == (1, "oa", "gpt-4o")


async def test_silence_is_504(impatient: Serving, provider: FakeUpstream) -> None:
    provider.default = faults.silence()
    ours = await impatient.post(CHAT, chat("slow/gpt-4o"))
    assert (ours.status, ours.json["error"]["code"]) == (504, "upstream_timeout")
    theirs = await impatient.post(MESSAGES, message("slow/gpt-4o", stream=True))
    assert (theirs.status, theirs.json["error"]["type"]) == (504, "timeout_error")
    assert len(provider.requests) == 2


async def test_a_provider_that_is_down_is_502(impatient: Serving) -> None:
    answered = await impatient.post(CHAT, chat("down/gpt-4o"))
    assert (answered.status, answered.json["error"]["source"]) == (502, "provider")
    assert (await impatient.record()).error_code == "upstream_error"


async def test_the_next_target_serves_where_the_first_fails(door: Serving, provider: FakeUpstream) -> None:
    provider.script(faults.server_error())
    answered = await door.post(CHAT, chat("fast"))
    assert answered.status == 200
    assert (answered.headers["x-gateway-provider"], answered.headers["x-gateway-attempts"]) == ("an", "2")
    record = await door.record()
    assert (record.status, record.provider, record.attempts) == ("succeeded", "an", 2)


async def test_a_stream_that_fails_before_its_first_event_is_tried_elsewhere(
    door: Serving, provider: FakeUpstream
) -> None:
    provider.script(faults.cut(0))
    answered = await door.post(CHAT, chat("fast", stream=True))
    assert (answered.headers["x-gateway-provider"], events(answered.body)[-1]) == ("an", "[DONE]")


async def test_a_refused_key_is_followed_by_the_next(provider: FakeUpstream) -> None:
    keys = (UpstreamKey("bad", "sk-bad", weight=1000), UpstreamKey("good", "sk-test", weight=0))
    async with Serving(snapshot([openai("oa", provider.url, keys=keys)], ["oa/gpt-4o"])) as door:
        answered = await door.post(CHAT, chat("gpt-4o"))
        assert (answered.status, answered.headers["x-gateway-attempts"]) == (200, "2")


async def test_no_stored_key_is_502(provider: FakeUpstream) -> None:
    async with Serving(snapshot([openai("oa", provider.url, keys=())], ["oa/gpt-4o"])) as door:
        answered = await door.post(CHAT, chat("gpt-4o"))
        assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_credentials_exhausted")


BROKEN = [faults.cut(4), faults.cut(4, how="reset"), faults.cut(4, how="end"), faults.error_in_stream()]


@pytest.mark.parametrize("model", ["oa/gpt-4o", "an/claude-sonnet-4-5"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, GENERATE])
@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_stream_is_never_a_clean_finish(
    door: Serving, provider: FakeUpstream, path: str, model: str, fault: Behaviour
) -> None:
    provider.script(fault)
    body = {"prompt": "x", "model": model} if path == GENERATE else message(model)
    answered = await door.post(path, body | {"stream": True})
    assert answered.status == 200
    told = events(answered.body)
    assert "[DONE]" not in told
    assert not any(event.get("type") == "message_stop" for event in told)
    assert told[-1]["error"]["message"]
    record = await door.record()
    assert (record.status, record.http_status) == ("failed", 200)
    assert record.error_code.startswith("upstream_")


@pytest.mark.parametrize("model", ["oa/gpt-4o", "an/claude-sonnet-4-5"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_malformed_event_is_no_end_of_an_answer(
    door: Serving, provider: FakeUpstream, path: str, model: str
) -> None:
    """In-band where the caller has got the beginning; where all has come at once nobody has seen it, and another
    attempt answers."""
    provider.script(faults.malformed_chunk())
    answered = await door.post(path, message(model) | {"stream": True})
    told, record = events(answered.body), await door.record()
    assert answered.status == 200
    if record.attempts == 1:
        assert (record.status, record.error_code) == ("failed", "upstream_error")
        assert told[-1]["error"]["message"]
    else:
        assert (record.status, record.attempts) == ("succeeded", 2)
        assert b"echo:" in answered.body and b'"one"' not in answered.body


class FullDisk:
    def write(self, record: CallRecord) -> None:
        raise RecordNotWritten("The gateway cannot record calls at the moment.")


@pytest.mark.parametrize("path", [CHAT, MESSAGES, GENERATE])
async def test_no_answer_is_given_that_is_not_recorded(config: Snapshot, path: str) -> None:
    async with Serving(config, sink=FullDisk()) as door:
        body = {"prompt": "x", "model": "e/echo"} if path == GENERATE else message("e/echo")
        whole = await door.post(path, body)
        assert whole.status == (529 if path == MESSAGES else 503)
        streamed = await door.post(path, body | {"stream": True})
        told = events(streamed.body)
        assert told[-1]["error"]["message"] == "The gateway cannot record calls at the moment."
        assert "[DONE]" not in told
        assert not any(event.get("type") == "message_stop" for event in told)


@pytest.mark.parametrize("defect", [ZeroDivisionError("secret detail"), InternalError("The gateway failed.")])
async def test_a_defect_is_500_logged_and_recorded(
    config: Snapshot, caplog: pytest.LogCaptureFixture, defect: Exception
) -> None:
    def broken(kind: str, transport: Transport) -> Adapter:
        raise defect

    async with Serving(config, adapter_of=broken) as door:
        answered = await door.post(CHAT, chat("e/echo"))
        assert (answered.status, answered.json["error"]["code"]) == (500, "internal_error")
        assert b"secret detail" not in answered.body
        assert answered.headers["x-gateway-call-id"] == (await door.record()).call_id
        theirs = await door.post(MESSAGES, message("e/echo"))
        assert (theirs.status, theirs.json["error"]["type"]) == (500, "api_error")
        first, _ = await door.records(2)
        assert (first.status, first.error_code) == ("failed", "internal_error")
    lines = [line for line in caplog.records if line.name == "llm.http.reply"]
    assert [bool(line.exc_info) for line in lines] == [True, True]
    assert lines[0].__dict__["call_id"] == first.call_id
