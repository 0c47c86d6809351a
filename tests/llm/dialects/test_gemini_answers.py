"""Whole answers of Gemini: passed through, read, written, and refused where they are none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.gemini import GRAMMAR
from llm.dialects.neutral import (
    Answer,
    BlockEnd,
    BlockStart,
    Citation,
    Delta,
    Finished,
    Part,
    RedactedThinking,
    Refusal,
    Started,
    Text,
    Thinking,
    ToolCall,
)
from llm.errors import UpstreamError, UpstreamFailed, UpstreamMalformed, UpstreamRateLimited, UpstreamRejected
from llm.spec import FinishReason, Usage
from tests.llm.dialects.folding import OUTSIDE, events_of

WIRE_USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 64,
    "candidatesTokenCount": 15,
    "thoughtsTokenCount": 5,
    "toolUsePromptTokenCount": 20,
    "totalTokenCount": 140,
}
USAGE = Usage(120, 20, 64, 0, 5)


def response(parts: list[Any] | None, reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    content = {} if parts is None else {"content": {"parts": parts, "role": "model"}}
    candidate = {**content, **({"finishReason": reason} if reason else {}), "index": 0}
    return {
        "candidates": [candidate],
        "usageMetadata": WIRE_USAGE,
        "modelVersion": "gemini-x",
        "responseId": "r1",
        **more,
    }


def read(body: Any) -> Answer:
    return GRAMMAR.read_answer(body if isinstance(body, bytes) else json.dumps(body).encode(), OUTSIDE)


def inspect(body: Any) -> tuple[Usage, FinishReason]:
    return GRAMMAR.inspect_answer(body if isinstance(body, bytes) else json.dumps(body).encode())


def write(*parts: Part, reason: FinishReason = "stop", **more: Any) -> Any:
    return json.loads(GRAMMAR.write_answer(Answer("a1", "m", parts, reason, USAGE, **more), OUTSIDE))


def test_an_answer() -> None:
    parts = [
        {"text": "hm", "thought": True},
        {"text": "Look"},
        {"executableCode": {"code": "1"}},
        {"text": "ing."},
        {"functionCall": {"name": "look", "args": {"at": 1.0}}, "thoughtSignature": "Cg+/"},
        {"functionCall": {"id": "fc_2", "name": "now"}},
    ]
    assert read(response(parts)) == Answer(
        id="r1",
        model="gemini-x",
        parts=(
            Thinking("hm"),
            Text("Looking."),
            Thinking("", "Cg+/", "gemini"),
            ToolCall("call_fixed", "look", '{"at": 1.0}'),
            ToolCall("fc_2", "now", "{}"),
        ),
        finish_reason="tool_calls",
        usage=USAGE,
    )
    assert inspect(response(parts)) == (USAGE, "tool_calls")


def test_the_word_of_a_call_in_a_text_is_no_call() -> None:
    parts = [{"text": 'say "functionCall": {'}, {"text": "functionCall"}]
    assert inspect(response(parts)) == (USAGE, "stop")
    assert inspect(json.dumps(response([{"functionCall": {"name": "f"}}]), indent=1).encode())[1] == "tool_calls"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("OTHER", "unknown"),
        ("SOMETHING_NEW", "unknown"),
        (None, "unknown"),
    ],
)
def test_finish_reasons(word: str | None, expected: FinishReason) -> None:
    for parts in ([{"text": "x"}], None):
        assert read(response(parts, word)).finish_reason == expected
        assert inspect(response(parts, word))[1] == expected


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"])
def test_a_call_that_google_could_not_read_is_no_answer(word: str) -> None:
    for look in (read, inspect):
        with pytest.raises(UpstreamMalformed):
            look(response([{"text": "x"}], word))


def test_a_lost_signature_is_the_requests_fault() -> None:
    with pytest.raises(UpstreamRejected) as caught:
        read(response(None, "MISSING_THOUGHT_SIGNATURE"))
    assert caught.value.retryable is False


def test_a_prompt_that_was_blocked() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    assert read(blocked) == Answer("", "", (), "content_filter", Usage(9))
    assert inspect(blocked) == (Usage(9), "content_filter")


@pytest.mark.parametrize("usage", [None, {}, "strange", {"promptTokenCount": None}, {"promptTokenCount": -1}])
def test_a_strange_usage_is_no_reason_to_lose_an_answer(usage: Any) -> None:
    body = response([{"text": "x"}], usageMetadata=usage)
    assert read(body).usage == inspect(body)[0] == Usage()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"5", b"[]", b"{}", b'{"candidates":[]}', b'{"candidates":null}', b'{"candidates":{}}', b"\xff"],
)
def test_what_is_no_answer(body: bytes) -> None:
    for look in (read, inspect):
        with pytest.raises(UpstreamMalformed):
            look(body)


def test_calls_that_cannot_be_read() -> None:
    for call in ({"args": {}}, {"name": ""}):
        with pytest.raises(UpstreamMalformed):
            read(response([{"functionCall": call}]))
    torn = json.dumps(response([{"functionCall": {"name": "f", "args": {"a": "?"}}}])).encode().replace(b"?", b"\xff")
    with pytest.raises(UpstreamMalformed):
        read(torn)


@pytest.mark.parametrize("form", ["object", "list"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "m", "status": "UNAVAILABLE"}, UpstreamFailed),
        ({"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}, UpstreamRateLimited),
        ({"message": "m", "status": "INVALID_ARGUMENT"}, UpstreamRejected),
        ({"code": 499, "message": "m", "status": "CANCELLED"}, UpstreamFailed),
    ],
)
def test_an_error_with_a_200(error: dict[str, Any], kind: type[UpstreamError], form: str) -> None:
    for look in (read, inspect):
        with pytest.raises(kind):
            look({"error": error} if form == "object" else [{"error": error}])


def test_sources_are_counted_in_characters() -> None:
    text = "Äpfel sind rot. Birnen nicht."
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"retrievedContext": {"title": "doc", "text": "what it says"}},
            {"maps": {"uri": "https://m.example", "title": "M", "text": "no quote"}},
            {"novel": {}},
        ],
        "groundingSupports": [
            {"segment": {"endIndex": 16, "text": "Äpfel sind rot."}, "groundingChunkIndices": [0, 3, 9]},
            {
                "segment": {"partIndex": 2, "startIndex": 1, "endIndex": 14, "text": "Birnen nicht."},
                "groundingChunkIndices": [1],
            },
            {"segment": {"startIndex": 900, "endIndex": 901, "text": "gone"}, "groundingChunkIndices": [2]},
            {"groundingChunkIndices": [2]},
        ],
    }
    body = response([{"text": text}])
    body["candidates"][0]["groundingMetadata"] = grounding
    assert read(body).parts == (
        Text(
            text,
            (
                Citation("https://a.example", "A", None, 0, 15),
                Citation(None, "doc", "what it says", 16, 29),
                Citation("https://m.example", "M"),
            ),
        ),
    )


def test_sources_without_places_and_sources_that_cannot_be_read() -> None:
    body = response([{"text": "x"}])
    body["candidates"][0]["groundingMetadata"] = {"groundingChunks": [{"web": {"uri": "https://a.example"}}]}
    assert read(body).parts == (Text("x", (Citation("https://a.example"),)),)
    for strange in ({"groundingChunks": 5}, "x", [], {"groundingSupports": [{"segment": 5}]}):
        body["candidates"][0]["groundingMetadata"] = strange
        assert read(body).parts == (Text("x"),)


def test_quotations() -> None:
    for name in ("citationSources", "citations"):
        body = response([{"text": "äbc"}])
        body["candidates"][0]["citationMetadata"] = {
            name: [{"uri": "https://a.example", "startIndex": 2, "endIndex": 4}]
        }
        assert read(body).parts == (Text("äbc", (Citation("https://a.example", start=1, end=3),)),)


def test_written() -> None:
    citations = (Citation("https://a.example", "A", None, 1, 4), Citation(None, "doc", "quote", 0, 1))
    body = write(
        Thinking("hm"),
        Thinking("sure", "Cg==", "gemini"),
        RedactedThinking("EmwK", "anthropic_messages"),
        Text("äbcd", citations),
        Thinking("", "Cw==", "gemini"),
        ToolCall("c1", "look", '{ "at":1.0}'),
        reason="tool_calls",
    )
    assert body["candidates"][0]["content"] == {
        "role": "model",
        "parts": [
            {"text": "hm", "thought": True},
            {"text": "sure", "thought": True, "thoughtSignature": "Cg=="},
            {"text": "", "thought": True, "thoughtSignature": "Z3cxLmFudGhyb3BpY19tZXNzYWdlcy5yZWRhY3RlZDpFbXdL"},
            {"text": "äbcd"},
            {"functionCall": {"id": "c1", "name": "look", "args": {"at": 1.0}}, "thoughtSignature": "Cw=="},
        ],
    }
    assert body["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"retrievedContext": {"title": "doc", "text": "quote"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 2, "endIndex": 5, "text": "bcd"}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 0, "endIndex": 2, "text": "ä"}, "groundingChunkIndices": [1]},
        ],
    }
    assert body["usageMetadata"] == {
        "promptTokenCount": 120,
        "cachedContentTokenCount": 64,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 140,
    }
    assert (body["modelVersion"], body["responseId"]) == ("m", "a1")


def test_an_answer_that_names_nothing() -> None:
    body = json.loads(GRAMMAR.write_answer(Answer("", "", (), "stop", Usage()), OUTSIDE))
    assert (body["modelVersion"], body["responseId"]) == ("asked-model", "fixed")
    assert body["candidates"] == [{"content": {"parts": [], "role": "model"}, "finishReason": "STOP", "index": 0}]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "STOP"),
        ("tool_calls", "STOP"),
        ("pause", "STOP"),
        ("length", "MAX_TOKENS"),
        ("content_filter", "SAFETY"),
        ("refusal", "SAFETY"),
        ("unknown", "OTHER"),
    ],
)
def test_finish_words(reason: FinishReason, word: str) -> None:
    body = write(Refusal("No.") if reason == "refusal" else Text("x"), reason=reason)
    assert body["candidates"][0]["finishReason"] == word
    assert body["candidates"][0]["content"]["parts"] == [{"text": "No." if reason == "refusal" else "x"}]


def test_logprobs_both_ways() -> None:
    entries = [
        {"token": "ä", "logprob": -0.5, "bytes": [195, 164], "top_logprobs": []},
        {
            "token": "b",
            "logprob": -1.0,
            "bytes": [98],
            "top_logprobs": [{"token": "c", "logprob": -2.0, "bytes": [99]}],
        },
    ]
    body = write(Text("äb"), logprobs=msgspec.Raw(json.dumps(entries).encode()))
    assert body["candidates"][0]["logprobsResult"] == {
        "chosenCandidates": [{"token": "ä", "logProbability": -0.5}, {"token": "b", "logProbability": -1.0}],
        "topCandidates": [{"candidates": []}, {"candidates": [{"token": "c", "logProbability": -2.0}]}],
    }
    again = read(body).logprobs
    assert again is not None and json.loads(bytes(again)) == entries
    for strange in (5, {"chosenCandidates": 5}, {}):
        body["candidates"][0]["logprobsResult"] = strange
        assert read(body).logprobs is None


def test_a_call_that_the_bound_tore_has_no_arguments() -> None:
    torn = ToolCall("c", "f", '{"a": "b')
    part = {"functionCall": {"id": "c", "name": "f", "args": {}}}
    assert write(torn, reason="length")["candidates"][0]["content"]["parts"] == [part]
    with pytest.raises(UpstreamMalformed):
        write(torn)


def streamed(*torn: ToolCall, reason: FinishReason) -> bytes:
    writer = GRAMMAR.writer(OUTSIDE, True)
    out = writer.write(Started("i", "m", Usage()))
    for index, call in enumerate(torn):
        out += writer.write(BlockStart(index, ToolCall(call.id, call.name, "")))
        out += writer.write(Delta(call.arguments)) + writer.write(BlockEnd())
    return out + writer.write(Finished(reason, Usage()))


def test_a_call_that_the_bound_tore_in_a_stream() -> None:
    torn = ToolCall("c", "f", '{"a": "b')
    events = events_of("gemini", streamed(torn, reason="length"))
    assert [event.text for event in events if isinstance(event, Delta)] == ["{}"]
    for calls in ((torn,), (torn, ToolCall("d", "f", "{}"))):
        with pytest.raises(UpstreamMalformed):
            streamed(*calls, reason="tool_calls")
    with pytest.raises(UpstreamMalformed):
        streamed(torn, ToolCall("d", "f", "{}"), reason="length")


def test_events_are_googles() -> None:
    writer = GRAMMAR.writer(OUTSIDE, False)
    out = writer.write(Started("", "", Usage())) + writer.write(BlockStart(0, Text("")))
    out += writer.write(Delta("Hé")) + writer.write(BlockEnd()) + writer.write(Finished("stop", Usage(3, 2)))
    tail = ',"modelVersion":"asked-model","responseId":"fixed"}\n\n'
    assert out.decode() == (
        'data: {"candidates":[{"content":{"parts":[{"text":"Hé"}],"role":"model"},"index":0}]'
        + tail
        + 'data: {"candidates"'
        ':[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":'
        '{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}' + tail
    )
