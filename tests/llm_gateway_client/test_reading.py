"""Answers as responses: nothing that a server may say raises, and nothing that is no answer passes for one."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway_client import Answer, FinishReason, GatewayFailure, LLMResponse, StreamChunk, Trail, reading, refusals
from llm_gateway_client.assembly import Assembly, as_chunks
from llm_gateway_client.sse import Events

KEYS = ["choices", "message", "delta", "content", "tool_calls", "function", "name", "arguments", "id", "index", "usage"]
MORE = ["finish_reason", "prompt_tokens", "data", "embedding", "error", "code", "gateway", "attempts", "model", "text"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.sampled_from(["stop", "", "{}", "[", "1e999", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS + MORE), inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from(KEYS + MORE), JSON, max_size=5)
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def whole(content: object, finish: str = "stop", **message: object) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
    return {"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


def test_an_answer_is_read() -> None:
    trail = Trail("call", "r", "p", "p-m", 2, 0.25, "hit", 7, 12.0, 1.5)
    found = reading.response(Answer(whole("Hi", "tool_calls", tool_calls=[CALL]), trail), request_id="r")
    assert (found.generated_content, found.finish_reason) == ("Hi", FinishReason.TOOL_CALLS)
    assert [(call.id, call.name, call.arguments) for call in found.tool_use_requests] == [("c1", "f", {"a": 1})]
    assert found.usage is not None
    assert (found.usage.total_tokens, found.usage.cached_tokens, found.usage.cost_usd) == (5, 1, 0.25)
    assert (found.provider, found.model, found.call_id, found.revision) == ("p", "p-m", "call", 7)
    assert found.cache_metadata.hit and found.performance_metrics.attempts == 2


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filtered"),
        ("eos", "unknown"),
        (None, "unknown"),
        (["stop"], "unknown"),
    ],
)
def test_finish_reasons(word: Any, reason: str) -> None:
    assert reading.response(Answer(whole("x", word), Trail()), request_id="r").finish_reason == reason


@given(OBJECT)
def test_no_answer_raises_and_every_response_goes_there_and_back(body: dict[str, Any]) -> None:
    found = reading.response(Answer(body, Trail()), request_id="r")
    assert (found.error_details is not None) == (found.finish_reason is FinishReason.ERROR)
    assert repr(LLMResponse.from_dict(found.to_dict())) == repr(found)  # NaN is not equal to itself


@given(OBJECT, st.integers(1, 3))
def test_embeddings_are_whole_or_a_failure(body: dict[str, Any], count: int) -> None:
    try:
        found = reading.embeddings(Answer(body, Trail()), count=count, request_id="r")
    except GatewayFailure as failure:
        assert failure.code == "upstream_error"
    else:
        assert len(found.vectors) == count


def test_an_embedding_that_no_float_can_hold_is_a_failure() -> None:
    body = {"data": [{"index": 0, "embedding": [10**400]}]}
    with pytest.raises(GatewayFailure, match="does not hold 1 embeddings"):
        reading.embeddings(Answer(body, Trail()), count=1, request_id="r")


def test_embeddings_are_put_in_order() -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    assert reading.embeddings(Answer({"data": rows}, Trail()), count=2, request_id="r").vectors == [[1.0], [2.0]]


@given(st.lists(OBJECT, max_size=6))
def test_no_chunk_raises_and_no_stream_without_an_end_passes(chunks: list[dict[str, Any]]) -> None:
    assembly = Assembly("r")
    pieces = [assembly.feed(chunk) for chunk in chunks]
    last = assembly.end()
    assert last.is_final and last.response is not None
    if last.error_details is None:
        assert any("finish_reason" in json.dumps(chunk) for chunk in chunks)
        assert (last.response.generated_content or "") == "".join(piece.delta_text for piece in pieces if piece)
    assert repr(StreamChunk.from_dict(last.to_dict())) == repr(last)


@given(st.text(max_size=40), st.lists(st.integers(0, 40), max_size=5), st.dictionaries(st.text(), st.integers()))
def test_an_answer_in_pieces_is_the_answer(text: str, cuts: list[int], arguments: dict[str, int]) -> None:
    """Text and a tool call's arguments, cut anywhere."""
    said = json.dumps(arguments)
    edges = sorted({0, *cuts, len(said) + len(text)})
    assembly = Assembly("r")
    assembly.feed(
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]}
    )
    for start, end in pairwise(edges):
        call = {"index": 0, "function": {"arguments": said[start * 10 : end * 10]}}
        delta = {"content": text[start:end], "tool_calls": [call]}
        assembly.feed({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    assembly.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    last = assembly.end()
    assert last.response is not None and (last.response.generated_content or "") == text
    assert [(call.id, call.name, call.arguments) for call in last.tool_use_requests] == [("c", "f", arguments)]


def test_tool_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    assembly = Assembly("r")
    for part in (
        {"id": "a", "function": {"name": "f", "arguments": "{"}},
        {"function": {"arguments": "}"}},
        {"id": "b", "function": {"name": "g", "arguments": "{}"}},
    ):
        assembly.feed({"choices": [{"delta": {"tool_calls": [part]}}]})
    assembly.feed({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    found = [(call.id, call.name, call.raw_arguments) for call in assembly.end().tool_use_requests]
    assert found == [("a", "f", "{}"), ("b", "g", "{}")]


def test_a_stream_that_fails_keeps_what_has_come() -> None:
    assembly = Assembly("r")
    assembly.feed({"choices": [{"delta": {"content": "Half"}, "finish_reason": "stop"}]})
    last = assembly.fail(reading.malformed("Cut."))
    assert last.response is not None and last.response.generated_content == "Half"
    assert last.finish_reason is FinishReason.ERROR and last.error_details is not None


def test_a_whole_answer_as_chunks_is_the_answer() -> None:
    body = whole("Hi", "tool_calls", tool_calls=[CALL, {**CALL, "id": "c2"}])
    assembly = Assembly("r")
    for chunk in as_chunks(body):
        assembly.feed(chunk)
    last = assembly.end().response
    expected = reading.response(Answer(body, Trail()), request_id="r")
    assert last is not None
    assert (last.generated_content, last.tool_use_requests) == ("Hi", expected.tool_use_requests)
    assert (last.finish_reason, last.usage) == (expected.finish_reason, expected.usage)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=5),
    st.lists(st.integers(0, 200)),
)
def test_events_are_the_same_however_the_bytes_are_cut(texts: list[str], cuts: list[int]) -> None:
    data = b"".join(b": a comment\r\n\r\ndata: " + text.encode() + b"\n\n" for text in texts)
    edges = sorted({0, *cuts, len(data)})
    events = Events()
    found = [event for start, end in pairwise(edges) for event in events.feed(data[start:end])]
    assert found == [text.encode() for text in texts]


def test_a_long_line_is_joined_once() -> None:
    """32 MiB in 2,048 pieces: joined anew with each piece it took half a minute, and nothing else ran meanwhile."""
    events, piece = Events(), b"x" * 16_384
    assert events.feed(b"data: ") == []
    began = time.process_time()
    for _ in range(2048):
        assert events.feed(piece) == []
    (found,) = events.feed(b"\n\n")
    assert len(found) == 2048 * len(piece)
    assert time.process_time() - began < 3


@given(st.integers(300, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.text())
def test_no_refusal_raises(status: int, body: bytes, wait: str) -> None:
    failure = refusals.of_response(status, {"retry-after": wait}, body, request_id="r")
    assert failure.status == status and failure.code and failure.message


@pytest.mark.parametrize(
    ("status", "headers", "repeated"),
    [
        (429, {"x-should-retry": "true", "retry-after": "2"}, True),
        (503, {"x-should-retry": "false", "retry-after": "2"}, False),
        (503, {"retry-after": "2"}, True),  # a proxy before the gateway
        (503, {}, False),
        (500, {"retry-after": "2"}, False),
    ],
)
def test_what_may_be_repeated(status: int, headers: dict[str, str], repeated: bool) -> None:
    assert refusals.of_response(status, headers, b"<html>", request_id="r").should_retry is repeated
