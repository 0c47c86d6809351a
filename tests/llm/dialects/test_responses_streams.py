"""Recorded-style streams of OpenAI's responses, each with what it comes to; one trap of the field per file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm import errors
from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import Finished, Started, StreamEvent
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.folding import (
    ANTHROPIC,
    OPENAI,
    OUTSIDE,
    by_anthropic,
    by_openai,
    codec,
    events_of,
    fold,
    pieces,
    plain,
    run,
    usage_of,
)
from tests.llm.dialects.recordings import SIZES, bad, broken_off, cited, corpus, good, logprobs, recorded
from tests.llm.dialects.responses_wire import RESPONSES, as_read, by_client, own_form, written

ALL = corpus(RESPONSES)
GOOD, BAD = good(ALL), bad(ALL)
# Nothing that comes behind the end is relayed.
BEHIND_THE_END = {"responses_done_behind_the_end": b"data: [DONE]\n\n"}


def test_there_are_enough_of_them() -> None:
    assert len(GOOD) >= 15 and len(BAD) >= 10


@pytest.mark.parametrize("name", GOOD)
def test_is_read_into_the_hub(name: str) -> None:
    told = ALL[name]
    events = events_of(RESPONSES, recorded(name))
    assert fold(events) == {
        "parts": told["parts"],
        "finish_reason": told["finish_reason"],
        "usage": told["usage"],
        "stop_sequence": None,
    }
    assert cited(events) == told.get("citations", [])
    assert logprobs(events) == told.get("logprobs", [])
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)


def test_the_beginning_names_the_provider() -> None:
    first = events_of(RESPONSES, recorded("responses_text"))[0]
    assert isinstance(first, Started)
    assert (first.id, first.model) == ("resp_68f1aa0c11d8819", "gpt-5.4-mini-2026-03-17")


@pytest.mark.parametrize("caller", [ANTHROPIC, OPENAI])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_any_split_gives_the_same_events(name: str, size: int, caller: Dialect) -> None:
    whole = run(codec(RESPONSES, caller, StreamSummary()), [recorded(name)])
    summary = StreamSummary()
    assert run(codec(RESPONSES, caller, summary), pieces(recorded(name), size)) == whole
    assert summary.finished
    assert usage_of(summary.usage) == ALL[name]["usage"]
    assert summary.finish_reason == ALL[name]["finish_reason"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_is_relayed_as_it_came(name: str, size: int) -> None:
    told = ALL[name]
    summary = StreamSummary()
    sent = recorded(name)
    out = run(codec(RESPONSES, RESPONSES, summary), pieces(sent, size))
    assert out == sent.removesuffix(BEHIND_THE_END.get(name, b""))
    assert usage_of(summary.usage) == told["usage"]
    assert (summary.finished, summary.finish_reason) == (True, told["finish_reason"])


@pytest.mark.parametrize("name", GOOD)
def test_the_whole_answer_says_the_same(name: str) -> None:
    """What the last event holds is the answer that a call without a stream gives."""
    *_, last = [json.loads(frame.data) for frame in SseDecoder().feed(recorded(name)) if frame.data[:1] == b"{"]
    body = json.dumps(last["response"]).encode()
    answer = GRAMMARS[RESPONSES].read_answer(body, OUTSIDE)
    told = ALL[name]
    assert [plain(part) for part in answer.parts] == told["parts"]
    assert (answer.finish_reason, usage_of(answer.usage)) == (told["finish_reason"], told["usage"])
    citations = [one for part in answer.parts for one in getattr(part, "citations", ())]
    assert [{"url": c.url, "title": c.title, "start": c.start, "end": c.end} for c in citations] == told.get(
        "citations", []
    )
    assert json.loads(bytes(answer.logprobs or b"[]")) == told.get("logprobs", [])
    usage, reason = GRAMMARS[RESPONSES].inspect_answer(body)
    assert (usage_of(usage), reason) == (told["usage"], told["finish_reason"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("caller", [RESPONSES, ANTHROPIC, OPENAI])
@pytest.mark.parametrize("name", BAD)
def test_a_broken_stream_is_never_a_clean_finish(name: str, caller: Dialect, size: int) -> None:
    out = broken_off(name, ALL[name], caller, size)
    assert b"response.completed" not in out and b'"delta":"ba\n' not in out


@pytest.mark.parametrize("name", GOOD)
def test_what_is_written_again_is_the_same(name: str) -> None:
    """Read, written as responses and read again: all that was told is still told."""
    events = events_of(RESPONSES, recorded(name))
    again = events_of(RESPONSES, written(events))
    told = fold(events)
    assert own_form(fold(again)) == {**told, "parts": [as_read(part) for part in told["parts"]]}
    assert logprobs(again) == logprobs(events)
    # A source without an address has no place of its own in this dialect.
    assert cited(again) == [one if one["url"] else {**one, "start": None, "end": None} for one in cited(events)]


@pytest.mark.parametrize("name", GOOD)
def test_the_responses_client_reads_what_is_written(name: str) -> None:
    told = ALL[name]
    response = by_client(written(events_of(RESPONSES, recorded(name))))
    calls = [[c.call_id, c.name, c.arguments] for c in response.output if c.type == "function_call"]
    assert calls == [part["call"] for part in told["parts"] if "call" in part]
    assert response.output_text == "".join(part.get("text", "") for part in told["parts"])
    assert response.usage.input_tokens == told["usage"]["input_tokens"]
    assert response.usage.input_tokens_details.cached_tokens == told["usage"]["cached_tokens"]
    assert response.usage.output_tokens_details.reasoning_tokens == told["usage"]["reasoning_tokens"]
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    details = response.incomplete_details
    assert (details and details.reason) == reasons.get(told["finish_reason"])


@pytest.mark.parametrize("name", GOOD)
def test_the_chat_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    completion = by_openai(run(codec(RESPONSES, OPENAI, StreamSummary()), [recorded(name)]))
    message = completion.choices[0].message
    calls = [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or []]
    assert calls == [part["call"] for part in told["parts"] if "call" in part]
    assert (message.content or "") == "".join(part.get("text", "") for part in told["parts"])
    assert (message.refusal or "") == "".join(part.get("refusal", "") for part in told["parts"])
    assert completion.usage.prompt_tokens == told["usage"]["input_tokens"]
    assert completion.usage.completion_tokens == told["usage"]["output_tokens"]


@pytest.mark.parametrize("name", [name for name in GOOD if ALL[name]["finish_reason"] != "length"])
def test_the_anthropic_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    message = by_anthropic(run(codec(RESPONSES, ANTHROPIC, StreamSummary()), [recorded(name)]))
    calls = [[block.id, block.name, block.input] for block in message.content if block.type == "tool_use"]
    assert calls == [[*part["call"][:2], json.loads(part["call"][2])] for part in told["parts"] if "call" in part]
    said = "".join(part.get("text", "") or part.get("refusal", "") for part in told["parts"])
    assert "".join(block.text for block in message.content if block.type == "text") == said
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    assert thoughts == [part["thinking"] for part in told["parts"] if "thinking" in part]


@pytest.mark.parametrize("caller", [RESPONSES, OPENAI])
@pytest.mark.parametrize(
    "data",
    [
        b"5",
        b"[]",
        b"<html>",
        b'"x"',
        b'{"type":5}',
        b'{"type":"response.completed"}',
        b'{"type":"response.completed","response":5}',
        b'{"type":"response.incomplete","response":{"output":{}}}',
    ],
)
def test_events_that_are_none(caller: Dialect, data: bytes) -> None:
    stream = codec(RESPONSES, caller, StreamSummary())
    with pytest.raises(errors.UpstreamMalformed):
        stream.feed(b"data: " + data + b"\n\n")
        stream.end()


@pytest.mark.parametrize("caller", [RESPONSES, OPENAI])
@pytest.mark.parametrize(
    "sent",
    [
        b'event: error\ndata: {"code":"rate_limit_exceeded","message":"Slow down."}\n\n',
        b'data: {"type":"error","error":{"type":"rate_limit_error","message":"Slow down."}}\n\n',
        b'data: {"error":{"type":"rate_limit_error","message":"Slow down."}}\n\n',
        b'data: {"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}\n\n',
    ],
)
def test_errors_in_all_their_forms(caller: Dialect, sent: bytes) -> None:
    stream = codec(RESPONSES, caller, StreamSummary())
    with pytest.raises(errors.UpstreamRateLimited):
        stream.feed(sent)
    assert stream.complete


@pytest.mark.parametrize("caller", [RESPONSES, OPENAI])
def test_a_failure_tells_what_it_cost(caller: Dialect) -> None:
    summary = StreamSummary()
    response = {"status": "failed", "error": {"code": "server_error"}, "usage": {"input_tokens": 7, "output_tokens": 3}}
    event = json.dumps({"type": "response.failed", "response": response}).encode()
    with pytest.raises(errors.UpstreamFailed):
        codec(RESPONSES, caller, summary).feed(b"data: " + event + b"\n\n")
    assert (summary.usage.input_tokens, summary.usage.output_tokens, summary.finished) == (7, 3, False)


@pytest.mark.parametrize("kind", ["response.output_text.delta", "response.output_item.done", "response.created"])
def test_a_known_event_of_a_wrong_form_is_malformed_to_a_translation(kind: str) -> None:
    event: dict[str, Any] = {"type": kind, "delta": {}, "item": {"type": "message", "content": 5}, "response": []}
    stream = codec(RESPONSES, OPENAI, StreamSummary())
    with pytest.raises(errors.UpstreamMalformed):
        stream.feed(b"data: " + json.dumps(event).encode() + b"\n\n")


@pytest.mark.parametrize("caller", [RESPONSES, OPENAI])
def test_the_last_event_ends_the_stream_at_once(caller: Dialect) -> None:
    stream = codec(RESPONSES, caller, StreamSummary())
    frames = list(SseDecoder().feed(recorded("responses_text")))
    for frame in frames[:-1]:
        stream.feed(frame.raw)
        assert not stream.complete
    stream.feed(frames[-1].raw)
    assert stream.complete
    assert stream.feed(b"data: garbage\n\n") == b""
    stream.end()


def test_a_message_that_was_left_open_is_closed() -> None:
    events: list[StreamEvent] = []
    reader = GRAMMARS[RESPONSES].reader(StreamSummary(), OUTSIDE)
    for frame in SseDecoder().feed(recorded("responses_cut_before_the_end")):
        events += reader.read(frame)
    (frame,) = SseDecoder().feed(b'data: {"type":"response.completed","response":{"output":[]}}\n\n')
    events += reader.read(frame)
    assert fold([*events, *reader.end()])["parts"] == [{"text": "half an answer"}]


def sent(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


END: dict[str, Any] = {"type": "response.completed", "response": {"output": []}}


def test_pieces_of_a_call_that_never_gets_a_name() -> None:
    piece = {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"}
    with pytest.raises(errors.UpstreamMalformed):
        events_of(RESPONSES, sent(piece, END))


def test_a_call_that_is_left_open_has_the_arguments_that_it_has() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": ""}
    events = events_of(RESPONSES, sent({"type": "response.output_item.added", "item": item}, END))
    assert fold(events)["parts"] == [{"call": ["c1", "now", "{}"]}]


def test_thoughts_that_come_twice_are_told_once() -> None:
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}
    told = {"content": [{"type": "reasoning_text", "text": "raw"}], "summary": [{"type": "summary_text", "text": "s"}]}
    events = events_of(
        RESPONSES,
        sent(
            {"type": "response.output_item.added", "item": item},
            {"type": "response.reasoning_text.delta", "delta": "raw"},
            {"type": "response.reasoning_summary_text.delta", "delta": "s"},
            {"type": "response.output_item.done", "item": {**item, **told}},
            END,
        ),
    )
    assert fold(events)["parts"] == [{"thinking": "raw"}]
    whole = GRAMMARS[RESPONSES].read_answer(json.dumps({"output": [{**item, **told}]}).encode(), OUTSIDE)
    assert [plain(part) for part in whole.parts] == [{"thinking": "raw"}]


def test_another_item_in_the_same_place_is_another_item() -> None:
    first, second = ({"type": "function_call", "call_id": call, "name": "f", "arguments": "{}"} for call in "ab")
    events = events_of(
        RESPONSES, sent(*({"type": "response.output_item.added", "item": item} for item in (first, second)), END)
    )
    assert fold(events)["parts"] == [{"call": ["a", "f", "{}"]}, {"call": ["b", "f", "{}"]}]


def test_a_relay_does_not_mind_items_that_it_cannot_read() -> None:
    summary = StreamSummary()
    last = {**END, "response": {"output": [5, {"type": "message", "content": 5}, {"type": "message", "content": [7]}]}}
    assert run(codec(RESPONSES, RESPONSES, summary), [sent(last)]) == sent(last)
    assert (summary.finished, summary.finish_reason) == (True, "stop")
