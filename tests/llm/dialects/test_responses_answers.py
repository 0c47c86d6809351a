"""Whole responses: looked at, read, and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm import errors
from llm.dialects.hub import GRAMMARS, read_result
from llm.dialects.neutral import Answer, Citation, Part, RedactedThinking, Refusal, Text, Thinking, ToolCall
from llm.spec import Usage
from tests.llm.dialects.folding import OPENAI, OUTSIDE, usage_of
from tests.llm.dialects.responses_wire import RESPONSES, whole_by_client
from tests.llm.dialects.responses_wire import read as read_request

GRAMMAR = GRAMMARS[RESPONSES]
TEXT = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [TEXT]}


def body(**more: Any) -> bytes:
    return json.dumps({"id": "resp_1", "object": "response", "model": "gpt", "output": [MESSAGE], **more}).encode()


def read(**more: Any) -> Answer:
    return GRAMMAR.read_answer(body(**more), OUTSIDE)


def write(*parts: Part, reason: Any = "stop", logprobs: Any = None, id: str = "msg_7", model: str = "claude") -> Any:
    answer = Answer(id, model, parts, reason, Usage(9, 5, 2, 3, 1), logprobs=logprobs)
    written = GRAMMAR.write_answer(answer, OUTSIDE)
    whole_by_client(written)
    return json.loads(written)


def test_what_the_clients_types_require_is_there() -> None:
    written = write(Text("Hi"))
    assert written["id"] == "resp_7" and written["object"] == "response" and written["created_at"] == 1764000000
    assert (written["model"], written["status"], written["error"]) == ("claude", "completed", None)
    assert (written["tools"], written["tool_choice"], written["parallel_tool_calls"]) == ([], "auto", True)
    assert written["incomplete_details"] is None and written["previous_response_id"] is None
    assert written["output"] == [{**MESSAGE, "id": "msg_fixed_0"}]
    assert written["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }


def test_a_provider_without_names() -> None:
    written = write(Text("Hi"), id="", model="")
    assert (written["id"], written["model"]) == ("resp_fixed", "asked-model")


def test_texts_side_by_side_are_one_message_and_ids_are_unlike() -> None:
    written = write(Text("a"), Text("b"), ToolCall("c1", "f", "{ }"), Refusal("no"), ToolCall("c2", "g", "{}"))
    assert [item["type"] for item in written["output"]] == ["message", "function_call", "message", "function_call"]
    assert [part["text"] for part in written["output"][0]["content"]] == ["a", "b"]
    assert written["output"][1]["arguments"] == "{ }" and written["output"][1]["call_id"] == "c1"
    assert len({item["id"] for item in written["output"]}) == 4


@pytest.mark.parametrize(
    ("reason", "status", "details", "last"),
    [
        ("stop", "completed", None, "completed"),
        ("tool_calls", "completed", None, "completed"),
        ("pause", "completed", None, "completed"),
        ("unknown", "completed", None, "completed"),
        ("length", "incomplete", {"reason": "max_output_tokens"}, "incomplete"),
        ("content_filter", "incomplete", {"reason": "content_filter"}, "incomplete"),
        ("refusal", "incomplete", {"reason": "content_filter"}, "incomplete"),
    ],
)
def test_finish_reasons_out(reason: str, status: str, details: Any, last: str) -> None:
    written = write(Text("a"), ToolCall("c1", "f", "{"), reason=reason)
    assert (written["status"], written["incomplete_details"]) == (status, details)
    assert [item["status"] for item in written["output"]] == ["completed", last]


def test_a_refusal_in_words_is_a_complete_answer() -> None:
    written = write(Refusal("No."), reason="refusal")
    assert (written["status"], written["output"][0]["content"]) == (
        "completed",
        [{"type": "refusal", "refusal": "No."}],
    )


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("completed", None, "stop"),
        (None, None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("incomplete", {"reason": "steered"}, "unknown"),
        ("incomplete", None, "unknown"),
    ],
)
def test_finish_reasons_in(status: str | None, details: Any, reason: str) -> None:
    more = {"status": status, "incomplete_details": details}
    assert read(**more).finish_reason == reason
    assert GRAMMAR.inspect_answer(body(**more))[1] == reason


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call", "computer_call"])
def test_a_call_of_any_kind_is_seen_where_the_body_passes_through(kind: str) -> None:
    assert GRAMMAR.inspect_answer(body(output=[MESSAGE, {"type": kind}]))[1] == "tool_calls"


def test_the_body_passes_through_untouched() -> None:
    sent = body(status="completed", novelty={"a": [1]}, usage={"input_tokens": 3, "output_tokens": 2})
    result = read_result(sent, upstream=RESPONSES, caller=RESPONSES, model="m")
    assert (result.body, result.usage, result.finish_reason) == (sent, Usage(3, 2), "stop")


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_what_runs_in_the_background_passes_through_and_is_no_answer_elsewhere(status: str) -> None:
    sent = body(status=status, output=[])
    assert GRAMMAR.inspect_answer(sent) == (Usage(), "unknown")
    with pytest.raises(errors.UpstreamMalformed):
        GRAMMAR.read_answer(sent, OUTSIDE)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "x"}}, errors.UpstreamFailed),
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "x"}}, errors.UpstreamRateLimited),
        ({"status": "failed", "error": {"code": "invalid_image_url", "message": "x"}}, errors.UpstreamRejected),
        ({"status": "failed", "error": None}, errors.UpstreamFailed),
        ({"status": "cancelled"}, errors.UpstreamFailed),
        ({"error": {"type": "authentication_error", "message": "x"}}, errors.UpstreamAuthFailed),
        ({"error": {"code": "429", "message": "x"}}, errors.UpstreamRateLimited),
        ({"output": None}, errors.UpstreamMalformed),
        ({"output": {}}, errors.UpstreamMalformed),
    ],
)
def test_an_error_in_a_good_status(more: dict[str, Any], error: type[Exception]) -> None:
    for look in (GRAMMAR.inspect_answer, lambda sent: GRAMMAR.read_answer(sent, OUTSIDE)):
        with pytest.raises(error):
            look(body(**more))


@pytest.mark.parametrize("sent", [b"", b"<html>", b"[]", b"5", b"{}", b'{"object":"chat.completion"}', b"\xff"])
def test_bodies_that_are_no_answer(sent: bytes) -> None:
    with pytest.raises(errors.UpstreamMalformed):
        GRAMMAR.inspect_answer(sent)
    with pytest.raises(errors.UpstreamMalformed):
        GRAMMAR.read_answer(sent, OUTSIDE)


def test_items_of_all_kinds_are_read() -> None:
    answer = read(
        output=[
            {"type": "web_search_call", "id": "ws", "content": 5},
            {"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "enc"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "enc"},
            {"type": "reasoning", "id": "rs_3", "summary": []},
            {**MESSAGE, "content": [TEXT, {"type": "refusal", "refusal": "no"}, {"type": "voxels", "text": 1}]},
            {"type": "function_call", "name": "f"},
        ]
    )
    assert answer.parts == (
        Thinking("a\n\nb", "rs_1:enc", RESPONSES),
        RedactedThinking("rs_2:enc", RESPONSES),
        Text("Hi"),
        Refusal("no"),
        ToolCall("call_fixed", "f", "{}"),
    )
    assert answer.finish_reason == "tool_calls"


def test_usage_is_read_in_all_its_parts_and_within_its_bounds() -> None:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 99},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 7},
    }
    assert usage_of(read(usage=usage).usage) == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_tokens": 4,
        "cache_write_tokens": 6,
        "reasoning_tokens": 5,
    }
    assert read(usage={"input_tokens": "x"}).usage == Usage()


def test_sources_are_counted_in_their_message_here_and_in_the_answer_elsewhere() -> None:
    first, second = Citation("https://a.example", "A", None, 0, 4), Citation("https://b.example", None, None, 4, 7)
    loose, document = Citation("https://c.example", "C", "quoted"), Citation(None, "Atlas", "quoted", 4, 6)
    parts = (Text("four", (first,)), ToolCall("c", "f", "{}"), Text("three", (second, loose, document)))
    written = write(*parts, reason="tool_calls")
    found = [part["annotations"] for item in written["output"][::2] for part in item["content"]]
    assert [[(one.get("start_index"), one.get("end_index")) for one in group] for group in found] == [
        [(0, 4)],
        [(0, 3), (0, 5), (None, None)],
    ]
    assert found[1][0]["title"] == "https://b.example"
    assert found[1][2] == {"type": "file_citation", "file_id": "", "filename": "Atlas", "index": 2}
    again = GRAMMAR.read_answer(json.dumps(written).encode(), OUTSIDE)
    texts = [part for part in again.parts if isinstance(part, Text)]
    assert texts[0].citations == (first,)
    assert texts[1].citations == (second, Citation("https://c.example", "C", None, 4, 9), Citation(None, "Atlas"))


def test_a_source_that_names_nothing_is_left_out() -> None:
    assert write(Text("Hi", (Citation(quote="x"),)))["output"][0]["content"][0]["annotations"] == []


@pytest.mark.parametrize("strange", [5, {}, [5], [{"type": "url_citation", "url": 5}], [{"type": "url_citation"}]])
def test_strange_sources_and_logprobs_are_no_reason_to_lose_an_answer(strange: Any) -> None:
    part = {**TEXT, "annotations": strange, "logprobs": strange}
    answer = read(output=[{**MESSAGE, "content": [part]}])
    assert answer.parts == (Text("Hi"),)


def test_logprobs_go_to_the_text_that_they_belong_to() -> None:
    entries = [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in ("He", "y", "you", "")]
    written = write(Text("Hey"), ToolCall("c", "f", "{}"), Text("you"), logprobs=json.dumps(entries).encode())
    texts = [item["content"][0]["logprobs"] for item in written["output"] if item["type"] == "message"]
    assert [[entry["token"] for entry in group] for group in texts] == [["He", "y"], ["you", ""]]
    assert texts[0][0] == {"token": "He", "logprob": -0.5, "bytes": [72, 101], "top_logprobs": []}
    again = GRAMMAR.read_answer(json.dumps(written).encode(), OUTSIDE)
    assert [entry["token"] for entry in json.loads(bytes(again.logprobs or b""))] == ["He", "y", "you", ""]


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm"),
        Thinking("hm", "sig==", "anthropic_messages"),
        Thinking("", "sig==", "gemini"),
        Thinking("hm", "rs_1:enc", RESPONSES),
        RedactedThinking("data==", "anthropic_messages"),
        RedactedThinking("rs_1:enc", RESPONSES),
    ],
)
def test_thinking_goes_to_the_caller_and_comes_back_as_it_was(thought: Any) -> None:
    written = write(thought, Text("Hi"))
    item, message = written["output"]
    _, turn = read_request({"input": [{"role": "user", "content": "Hello"}, item, message]}).turns
    assert turn.parts == (thought, Text("Hi"))
    assert item["type"] == "reasoning" and "status" not in item
    assert [part["text"] for part in item["summary"]] == ([thought.text] if getattr(thought, "text", "") else [])


def test_chat_hears_of_a_refusal() -> None:
    sent = body(output=[{**MESSAGE, "content": [{"type": "refusal", "refusal": "No."}]}])
    result = read_result(sent, upstream=RESPONSES, caller=OPENAI, model="m")
    assert json.loads(result.body)["choices"][0]["message"]["refusal"] == "No."
    assert result.finish_reason == "refusal"
