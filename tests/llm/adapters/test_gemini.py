"""Gemini: where a model is, which header has the key, when a stream is over, and embeddings by another name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.adapters.answer_stream import Patience
from llm.adapters.gemini import Gemini
from llm.errors import InvalidRequest, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from llm.spec import COUNT, Dialect, Request, Result, Target
from llm.transport.base import Outbound
from tests.contract import chat_words, messages_words
from tests.llm.adapters.doubles import NEVER, ScriptedAnswer, ScriptedTransport, request
from tests.llm.adapters.doubles import target as any_target

HOST = "https://generativelanguage.googleapis.com"
MODEL = "gemini-2.5-flash"
WORDS = {"openai_chat": chat_words, "anthropic_messages": messages_words}


def event(text: str, finish: str | None = None) -> bytes:
    candidate: dict[str, object] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    said = {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "usageMetadata": usage}
    return b"data: " + msgspec.json.encode({**said, "modelVersion": MODEL, "responseId": "r1"}) + b"\r\n\r\n"


ANSWER = event("hi", "STOP").removeprefix(b"data: ").strip()


def target(**changes: Any) -> Target:
    return any_target(**{"kind": "gemini", "base_url": HOST, "model_id": MODEL, **changes})


async def sent(asked: Request | None = None, **changes: Any) -> Outbound:
    transport = ScriptedTransport(ScriptedAnswer(ANSWER, content_type="application/json"))
    await Gemini(transport).complete(asked or request(), target(**changes))
    return transport.sent[0]


@pytest.mark.parametrize(
    ("base", "begins"),
    [
        (HOST, f"{HOST}/v1beta"),
        (f"{HOST}/", f"{HOST}/v1beta"),
        (f"{HOST}/v1beta/", f"{HOST}/v1beta"),
        (f"{HOST}/v1", f"{HOST}/v1"),
        (f"{HOST}/v1alpha", f"{HOST}/v1alpha"),
        ("https://x.example/google", "https://x.example/google/v1beta"),
    ],
)
async def test_the_address_has_the_version_once(base: str, begins: str) -> None:
    assert (await sent(base_url=base)).url == f"{begins}/models/{MODEL}:generateContent"


async def test_names_cannot_leave_their_place_in_the_address() -> None:
    outbound = await sent(model_id="a?key=b#c")
    assert outbound.url == f"{HOST}/v1beta/models/a%3Fkey%3Db%23c:generateContent"


@pytest.mark.parametrize("name", ["..", "../x", "models/../../files/x", "./x", "tunedModels/."])
async def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    embedding = embedding_request(input="a")
    for asked in (Gemini(ScriptedTransport()).complete, Gemini(ScriptedTransport()).stream):
        with pytest.raises(InvalidRequest) as refused:
            await asked(request(), target(model_id=name))
        assert refused.value.param == "model"
    with pytest.raises(InvalidRequest):
        await Gemini(ScriptedTransport()).relay(embedding, target(model_id=name))


async def test_models_of_ones_own_have_their_own_place() -> None:
    outbound = await sent(model_id="tunedModels/mine-1")
    assert outbound.url == f"{HOST}/v1beta/tunedModels/mine-1:generateContent"


async def test_a_stream_is_asked_for_in_the_address_and_not_in_the_body() -> None:
    transport = ScriptedTransport(ScriptedAnswer(event("hi", "STOP")))
    stream = await Gemini(transport).stream(request(stream=True), target())
    assert [piece async for piece in stream]
    outbound = transport.sent[0]
    assert outbound.url == f"{HOST}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    assert not {"model", "stream"} & set(msgspec.json.decode(outbound.body))


async def test_the_key_has_a_header_of_its_own() -> None:
    headers = (await sent(secret="AIza-secret")).headers
    assert {name: value for name, value in headers.items() if "AIza-secret" in value} == {
        "x-goog-api-key": "AIza-secret"
    }


async def given_by(*pieces: bytes | Exception | None, dialect: Dialect = "openai_chat") -> tuple[bytes, Any]:
    adapter = Gemini(ScriptedTransport(ScriptedAnswer(*pieces)), patience=Patience(finish=0.05, drain=0.05))
    stream = await adapter.stream(request(dialect, stream=True, max_tokens=5), target())
    return b"".join([piece async for piece in stream]), stream.summary


ENDS = [(), (NEVER,), (UpstreamUnreachable("cut"),), (UpstreamTimeout("idle", phase="idle"),)]


@pytest.mark.parametrize("dialect", WORDS)
@pytest.mark.parametrize("end", ENDS, ids=["ended", "idle", "cut", "timed out"])
async def test_an_answer_that_told_its_end_is_whole_however_its_bytes_end(dialect: Dialect, end: Any) -> None:
    given, summary = await given_by(event("hel"), event("lo", "STOP"), *end, dialect=dialect)
    heard = WORDS[dialect].fold(given)
    assert (heard.text, heard.finish) == ("hello", "stop")
    assert (summary.finished, summary.finish_reason, summary.usage.output_tokens) == (True, "stop", 2)


@pytest.mark.parametrize("dialect", WORDS)
async def test_what_comes_behind_a_finish_reason_is_no_loss(dialect: Dialect) -> None:
    """Some models say STOP in every event."""
    given, _ = await given_by(event("one ", "STOP"), event("two ", "STOP"), event("three", "STOP"), dialect=dialect)
    assert WORDS[dialect].fold(given).text == "one two three"


@pytest.mark.parametrize(
    ("end", "expected"),
    [((), UpstreamMalformed), ((UpstreamUnreachable("cut"),), UpstreamUnreachable)],
    ids=["ended", "cut"],
)
@pytest.mark.parametrize("dialect", WORDS)
async def test_an_answer_that_told_no_end_is_an_error(dialect: Dialect, end: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await given_by(event("hel"), event("lo"), *end, dialect=dialect)


def embedding_request(**fields: Any) -> Request:
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in {"model": "asked", **fields}.items()}
    return Request("openai_chat", "asked", raw, surface="embeddings")


async def embedded(answer: bytes, asked: Request, **changes: Any) -> tuple[Result, Outbound]:
    transport = ScriptedTransport(ScriptedAnswer(answer, content_type="application/json"))
    found = await Gemini(transport).relay(asked, target(**{"model_id": "gemini-embedding-001", **changes}))
    assert isinstance(found, Result)
    return found, transport.sent[0]


async def test_embeddings_go_by_batch() -> None:
    answer = b'{"embeddings":[{"values":[0.5,-1]},{"values":[0.25]}],"usageMetadata":{"promptTokenCount":3}}'
    asked = embedding_request(input=["a", "b"], dimensions=2, user="u")
    found, outbound = await embedded(answer, asked, extra_body={"safetySettings": []})
    assert outbound.url == f"{HOST}/v1beta/models/gemini-embedding-001:batchEmbedContents"
    one = {"model": "models/gemini-embedding-001", "outputDimensionality": 2}
    assert msgspec.json.decode(outbound.body) == {
        "requests": [{**one, "content": {"parts": [{"text": text}]}} for text in ("a", "b")]
    }
    told = msgspec.json.decode(found.body)
    assert [row["embedding"] for row in told["data"]] == [[0.5, -1], [0.25]]
    assert (found.usage.input_tokens, found.usage.estimated, found.dropped) == (3, False, ("user",))


@pytest.mark.parametrize(("fields", "size"), [({}, 8), ({"dimensions": 2}, 2)])
async def test_the_operators_size_holds_where_the_caller_names_none(fields: dict[str, int], size: int) -> None:
    asked = embedding_request(input="a", **fields)
    _, outbound = await embedded(b'{"embeddings":[{"values":[1]}]}', asked, parameters={"dimensions": 8, "top_p": 1})
    (one,) = msgspec.json.decode(outbound.body)["requests"]
    assert one["outputDimensionality"] == size and len(one) == 3


async def test_what_is_no_embedding_is_an_error_without_the_key() -> None:
    with pytest.raises(UpstreamMalformed):
        await embedded(b'{"embeddings":[]}', embedding_request(input="a"))
    body = b'{"error":{"code":400,"message":"AIza-secret is odd","status":"INVALID_ARGUMENT"}}'
    with pytest.raises(Exception, match="is odd") as refused:
        await embedded(body, embedding_request(input="a"), secret="AIza-secret")
    assert "AIza" not in str(refused.value.args)


@pytest.mark.parametrize("given", [[1, 2], [[1, 2]], ["a", 1]])
async def test_tokens_are_refused_before_the_provider_is_asked(given: Any) -> None:
    transport = ScriptedTransport()
    with pytest.raises(InvalidRequest) as refused:
        await Gemini(transport).relay(embedding_request(input=given), target())
    assert refused.value.param == "input" and "tokens" in refused.value.message
    assert transport.sent == []


async def test_only_embeddings_and_counts_are_served() -> None:
    gemini = Gemini(ScriptedTransport())
    served = [name for name in ("embeddings", COUNT, "rerank", "audio/speech", "completions") if gemini.serves(name)]
    assert served == ["embeddings", COUNT]
    body = {"messages": [{"role": "user", "content": "hello there"}], "model": "asked"}
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    counted = await gemini.relay(Request("anthropic_messages", "asked", fields, surface=COUNT), target())
    assert isinstance(counted, Result) and counted.dropped == ("count_tokens.exact",)
