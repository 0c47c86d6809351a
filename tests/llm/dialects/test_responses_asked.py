"""A translated response repeats what was asked, as OpenAI's own does."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.hub import GRAMMARS, open_stream, read_result
from llm.dialects.neutral import Answer, Text
from llm.dialects.sse import SseDecoder
from llm.spec import StreamSummary, Usage
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, run
from tests.llm.dialects.recordings import recorded
from tests.llm.dialects.responses_wire import RESPONSES, by_client, whole_by_client

ASKED: dict[str, Any] = {
    "instructions": "Be brief.",
    "max_output_tokens": 99,
    "max_tool_calls": 3,
    "metadata": {"team": "x"},
    "parallel_tool_calls": False,
    "prompt_cache_key": "k",
    "reasoning": {"effort": "low", "summary": "auto"},
    "safety_identifier": "s",
    "service_tier": "priority",
    "temperature": 0.5,
    "text": {"format": {"type": "json_schema", "name": "f", "schema": {"type": "object"}}, "verbosity": "low"},
    "tool_choice": {"type": "function", "name": "look"},
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}],
    "top_logprobs": 2,
    "top_p": 0.25,
    "truncation": "auto",
    "user": "u",
}
NOT_REPEATED = {
    "model": "route",
    "input": "secret",
    "stream": True,
    "store": True,
    "previous_response_id": None,
    "background": False,
    "include": ["reasoning.encrypted_content"],
    "from_the_future": 1,
}
GIVEN = {"store": False, "previous_response_id": None, "background": False, "model": "gpt"}


def raw(fields: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}


def answered(asked: dict[str, msgspec.Raw]) -> bytes:
    answer = Answer("chatcmpl-9", "gpt", (Text("Hi"),), "stop", Usage(3, 4))
    body = GRAMMARS[OPENAI].write_answer(answer, OUTSIDE)
    return read_result(body, upstream=OPENAI, caller=RESPONSES, model="m", asked=asked).body


def streamed(asked: dict[str, msgspec.Raw]) -> bytes:
    summary = StreamSummary()
    stream = open_stream(
        upstream=ANTHROPIC, caller=RESPONSES, include_usage=True, model="m", summary=summary, asked=asked
    )
    return run(stream, [recorded("anthropic_text")])


def test_a_whole_answer_repeats_the_request() -> None:
    response = whole_by_client(answered(raw({**ASKED, **NOT_REPEATED}))).to_dict()
    assert {name: response[name] for name in ASKED} == ASKED
    assert {name: response[name] for name in GIVEN} == GIVEN
    assert not {"input", "stream", "include", "from_the_future"} & response.keys()


def test_so_do_the_first_and_the_last_events_of_a_stream() -> None:
    sent = streamed(raw({**ASKED, **NOT_REPEATED}))
    assert by_client(sent).to_dict()["tools"] == ASKED["tools"]
    told = [json.loads(frame.data) for frame in SseDecoder().feed(sent)]
    responses = {event["type"]: event["response"] for event in told if "response" in event}
    assert list(responses) == ["response.created", "response.in_progress", "response.completed"]
    for response in responses.values():
        assert {name: response[name] for name in ASKED} == ASKED
        assert response["store"] is False and "input" not in response


@pytest.mark.parametrize("answer", [answered, streamed])
def test_it_stands_there_byte_for_byte(answer: Any) -> None:
    schema = b'{ "a":1.0,"b" :[1 ,2], "n":12345678901234567890123 }'
    assert schema in answer({"metadata": msgspec.Raw(schema)})


@pytest.mark.parametrize("fields", [{}, dict.fromkeys(ASKED)])
def test_what_was_left_out_has_the_defaults(fields: dict[str, Any]) -> None:
    response = whole_by_client(answered(raw(fields))).to_dict()
    assert response["tools"] == [] and response["tool_choice"] == "auto" and response["metadata"] == {}
    assert response["parallel_tool_calls"] is True and response["text"] == {"format": {"type": "text"}}
    assert response["temperature"] is None and response["instructions"] is None
    assert "service_tier" not in response


def test_a_chat_completion_repeats_nothing() -> None:
    answer = Answer("resp_1", "gpt", (Text("Hi"),), "stop", Usage(3, 4))
    body = GRAMMARS[RESPONSES].write_answer(answer, OUTSIDE)
    for caller in (OPENAI, ANTHROPIC):
        plain = read_result(body, upstream=RESPONSES, caller=caller, model="m", clock=OUTSIDE.clock)
        asked = read_result(body, upstream=RESPONSES, caller=caller, model="m", clock=OUTSIDE.clock, asked=raw(ASKED))
        assert plain.body == asked.body
