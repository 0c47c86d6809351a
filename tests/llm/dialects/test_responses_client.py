"""The official client calls, and is answered with what the gateway writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm.dialects.hub import GRAMMARS, open_stream, read_result, render_error, render_stream_error
from llm.dialects.neutral import Answer, Text, ToolCall
from llm.dialects.sse import SseDecoder
from llm.errors import UpstreamTimeout
from llm.spec import StreamSummary, Usage
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, codec, events_of, run
from tests.llm.dialects.recordings import recorded
from tests.llm.dialects.responses_wire import RESPONSES, client_of, whole_by_client, written

QUESTION: dict[str, Any] = {"model": "m", "input": "Hello"}


def test_a_stream_event_by_event() -> None:
    events = list(
        client_of(written(events_of(RESPONSES, recorded("responses_parallel_tools")))).responses.create(
            **QUESTION, stream=True
        )
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_the_order_of_a_reasoning_item() -> None:
    events = list(
        client_of(written(events_of(RESPONSES, recorded("responses_reasoning")))).responses.create(
            **QUESTION, stream=True
        )
    )
    thought = [event.type.removeprefix("response.") for event in events if event.type != "response.output_text.delta"]
    assert thought[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
    ]
    assert thought[8:11] == ["reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"]
    item = events[10].item
    assert item.summary[0].text == events[8].text == "**Counting**\n\nOne.\n\nTwo."
    assert item.encrypted_content == "gw1.openai_responses.rs_68f1:gAAAAABo_enc-1=="


@pytest.mark.parametrize(("upstream", "name"), [(OPENAI, "openai_text"), (ANTHROPIC, "anthropic_text")])
def test_the_streaming_helper_folds_a_translated_stream(upstream: Any, name: str) -> None:
    out = run(codec(upstream, RESPONSES, StreamSummary()), [recorded(name)])
    with client_of(out).responses.stream(**QUESTION) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert final.output_text == "".join(texts) != ""
    assert final.status == "completed" and final.id.startswith("resp_")


def test_the_streaming_helper_folds_tool_calls() -> None:
    out = run(codec(ANTHROPIC, RESPONSES, StreamSummary()), [recorded("anthropic_parallel_tools")])
    with client_of(out).responses.stream(**QUESTION) as stream:
        final = stream.get_final_response()
    calls = [item for item in final.output if item.type == "function_call"]
    assert len(calls) == 2 and all(call.call_id and call.arguments for call in calls)


def test_a_whole_answer() -> None:
    answer = Answer("chatcmpl-9", "gpt", (Text("Hi"), ToolCall("c1", "look", "{}")), "tool_calls", Usage(3, 4, 1, 1, 2))
    body = GRAMMARS[OPENAI].write_answer(answer, OUTSIDE)
    result = read_result(body, upstream=OPENAI, caller=RESPONSES, model="asked-model", new_id=OUTSIDE.new_id)
    response = client_of(result.body, "application/json").responses.create(**QUESTION)
    assert response.output_text == "Hi"
    assert response.output[1].call_id == "c1"
    assert response.usage.total_tokens == 7 and response.usage.input_tokens_details.cached_tokens == 1
    assert whole_by_client(result.body).id == "resp_9"


def test_an_error_in_the_middle_of_a_stream() -> None:
    """The client hands it on as an event; the helper has no final response then."""
    from openai.types.responses import ResponseErrorEvent

    stream = open_stream(
        upstream=OPENAI, caller=RESPONSES, include_usage=True, model="m", summary=StreamSummary(), new_id=OUTSIDE.new_id
    )
    begun = stream.feed(recorded("openai_cut"))
    failure = UpstreamTimeout("The provider stalled.", param="input")
    error = render_stream_error(RESPONSES, failure, "req_1", after=begun)
    *before, last = client_of(begun + error).responses.create(**QUESTION, stream=True)
    assert [event.sequence_number for event in (*before, last)] == list(range(len(before) + 1))
    assert (last.type, last.code, last.message, last.param) == (
        "error",
        "upstream_timeout",
        "The provider stalled.",
        "input",
    )
    ResponseErrorEvent.model_validate(last.to_dict(), strict=True)
    assert last.to_dict()["source"] == "provider" and last.to_dict()["request_id"] == "req_1"
    with pytest.raises(RuntimeError), client_of(begun + error).responses.stream(**QUESTION) as helper:
        helper.get_final_response()


def at(number: int) -> bytes:
    return b'event: response.x\ndata: {"type": "response.x", "sequence_number": %d}\n\n' % number


@pytest.mark.parametrize(
    ("after", "number"),
    [
        (b"", 0),
        (at(7), 8),
        (at(7) + at(8), 9),
        (at(8) + b": keep-alive\n\n", 9),
        (at(9).replace(b"\n", b"\r\n"), 10),
        (at(9).replace(b"\n", b"\r"), 10),
        (b'data: {"delta": "\\"sequence_number\\": 5"}\n\n', 0),
        (b'data: {"sequence_number": "5"}\n\n', 0),
        (b"data: [DONE]\n\n", 0),
    ],
)
def test_an_error_in_a_stream_has_the_next_number(after: bytes, number: int) -> None:
    (frame,) = SseDecoder().feed(render_stream_error(RESPONSES, UpstreamTimeout("Stalled."), "req_1", after=after))
    told = json.loads(frame.data)
    assert (frame.event, told["type"], told["sequence_number"]) == ("error", "error", number)


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC, "gemini", "openai_completions"])
def test_other_dialects_number_nothing(dialect: Any) -> None:
    error = UpstreamTimeout("Stalled.")
    assert render_stream_error(dialect, error, "r", after=at(7)) == render_stream_error(dialect, error, "r")


def test_an_error_instead_of_an_answer_is_worded_as_in_chat() -> None:
    error = UpstreamTimeout("The provider stalled.")
    assert render_error(RESPONSES, error, "req_1") == render_error(OPENAI, error, "req_1")
