"""What a codec does beside translating: usage only where asked for, errors in their place, an end in time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.dialects.sse import SseDecoder
from llm.errors import UpstreamFailed, UpstreamMalformed, UpstreamRejected
from llm.spec import StreamSummary
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, codec, events_of, fold, run, usage_of
from tests.llm.dialects.recordings import recorded


def chunk(delta: dict[str, Any] | None = None, *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({"id": "c", "model": "m", "choices": [choice], **more}) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def test_the_usage_chunk_is_withheld_from_a_caller_who_did_not_ask() -> None:
    sent, summary = recorded("openai_text"), StreamSummary()
    out = run(codec(OPENAI, OPENAI, summary, include_usage=False), [sent])
    withheld = next(frame.raw for frame in SseDecoder().feed(sent) if b'"choices":[]' in frame.data)
    assert out == sent.replace(withheld, b"")
    assert usage_of(summary.usage)["input_tokens"] == 120


@pytest.mark.parametrize("asked", [False, True])
def test_a_translated_stream_gives_usage_only_where_asked(asked: bool) -> None:
    out = run(codec(ANTHROPIC, OPENAI, StreamSummary(), include_usage=asked), [recorded("anthropic_text")])
    assert (b'"usage"' in out) is asked
    assert (b'"choices":[]' in out) is asked


def test_translated_chunks_are_openais() -> None:
    out = run(codec(ANTHROPIC, OPENAI, StreamSummary(), include_usage=False), [recorded("anthropic_stop_sequence")])
    head = b'data: {"id":"chatcmpl-01B2","object":"chat.completion.chunk","created":1764000000,'
    head += b'"model":"claude-sonnet-4-5","choices":[{"index":0,"delta":'
    assert out == (
        head
        + b'{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n'
        + head
        + b'{"content":"one two"},"logprobs":null,"finish_reason":null}]}\n\n'
        + head
        + b'{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
        + DONE
    )


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC])
def test_the_end_is_known_before_the_connection_ends(caller: Any) -> None:
    """Finish reason and usage are here: nothing more is to be waited for, though [DONE] never comes."""
    stream = codec(OPENAI, caller, StreamSummary())
    for frame in SseDecoder().feed(recorded("openai_no_done")):
        assert not stream.complete
        stream.feed(frame.raw)
    assert stream.complete
    assert stream.end()
    stream = codec(ANTHROPIC, caller, StreamSummary())
    stream.feed(recorded("anthropic_text"))
    assert stream.complete


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC])
def test_what_comes_after_the_end_does_not_count(caller: Any) -> None:
    stream, summary = codec(OPENAI, caller, StreamSummary()), StreamSummary()
    expected = run(codec(OPENAI, caller, summary), [recorded("openai_text")])
    out = stream.feed(recorded("openai_text") + b"garbage\n\n") + stream.feed(chunk({"content": "more"}))
    assert out + stream.end() == expected


def test_what_was_good_before_an_error_is_given_first() -> None:
    stream = codec(OPENAI, OPENAI, StreamSummary())
    good = chunk({"content": "good"})
    assert stream.feed(good + b'data: {"choices":5}\n\n') == good
    assert stream.complete
    for _ in range(2):
        with pytest.raises(UpstreamMalformed):
            stream.feed(chunk({"content": "more"}))
    with pytest.raises(UpstreamMalformed):
        stream.end()


@pytest.mark.parametrize("caller", [OPENAI, ANTHROPIC])
def test_an_error_of_an_older_server(caller: Any) -> None:
    stream = codec(OPENAI, caller, StreamSummary())
    with pytest.raises(UpstreamRejected) as caught:
        stream.feed(b'data: {"object":"error","message":"too long","type":"BadRequestError","code":400}\n\n')
    assert caught.value.message == "too long"


def test_the_finish_reason_error_is_an_error() -> None:
    with pytest.raises(UpstreamFailed):
        codec(OPENAI, OPENAI, StreamSummary()).feed(chunk({}, finish="error"))


def test_several_choices_are_finished_when_all_are() -> None:
    summary = StreamSummary()
    stream = codec(OPENAI, OPENAI, summary)
    stream.feed(chunk({"content": "a"}) + chunk({"content": "b"}, index=1) + chunk(finish="stop"))
    assert not summary.finished
    with pytest.raises(UpstreamMalformed):
        stream.end()
    stream = codec(OPENAI, OPENAI, summary)
    stream.feed(chunk({"content": "a"}) + chunk({"content": "b"}, index=1) + chunk(finish="stop"))
    stream.feed(chunk(finish="length", index=1))
    assert summary.finished and stream.end() == DONE


def test_a_torn_last_event_behind_the_finish_is_no_harm() -> None:
    for caller in (OPENAI, ANTHROPIC):
        stream = codec(OPENAI, caller, StreamSummary())
        out = stream.feed(chunk({"content": "whole"}) + chunk(finish="stop") + b'data: {"usage":{"prom')
        out += stream.end()
        assert fold(events_of(caller, out))["parts"] == [{"text": "whole"}]
        assert b"prom" not in out


def test_anthropics_mandatory_event_line_is_added_where_it_is_missing() -> None:
    sent = recorded("anthropic_text")
    bare = b"".join(b"data: " + frame.data + b"\n\n" for frame in SseDecoder().feed(sent))
    assert run(codec(ANTHROPIC, ANTHROPIC, StreamSummary()), [bare]) == sent


def test_prose_between_the_pieces_of_a_call_waits_behind_it() -> None:
    def call(arguments: str, **more: Any) -> bytes:
        return chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments, **more.pop("f", {})}, **more}]})

    sent = call('{"a"', id="call_1", f={"name": "look"}) + chunk({"content": "Hm"}) + call(":1}") + chunk(finish="stop")
    folded = fold(events_of(ANTHROPIC, run(codec(OPENAI, ANTHROPIC, StreamSummary()), [sent + DONE])))
    assert folded["parts"] == [{"call": ["call_1", "look", '{"a":1}']}, {"text": "Hm"}]
    assert folded["finish_reason"] == "tool_calls"


def test_parallel_calls_are_given_as_they_come() -> None:
    """Each as soon as the one before it is whole, not at the end of the answer."""
    stream = codec(OPENAI, ANTHROPIC, StreamSummary())
    first, second = ({"index": i, "id": f"call_{i}", "function": {"name": "f", "arguments": '{"a":'}} for i in (0, 1))
    assert b'"call_0"' in stream.feed(chunk({"tool_calls": [first]}))
    assert b"partial_json" in stream.feed(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}))
    assert b'"call_1"' in stream.feed(chunk({"tool_calls": [second]}))
    with pytest.raises(UpstreamMalformed):
        stream.feed(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "more"}}]}))


def test_a_call_whose_name_comes_late_or_without_an_index() -> None:
    sent = chunk({"tool_calls": [{"id": "call_1", "function": {"arguments": "{"}}]})
    sent += chunk({"tool_calls": [{"function": {"name": "look"}}]})
    sent += chunk({"tool_calls": [{"function": {"arguments": "}"}}]}) + chunk(finish="tool_calls") + DONE
    with_index = sent.replace(b'"tool_calls":[{', b'"tool_calls":[{"index":0,')
    folded = fold(events_of(ANTHROPIC, run(codec(OPENAI, ANTHROPIC, StreamSummary()), [with_index])))
    assert folded["parts"] == [{"call": ["call_1", "look", "{}"]}]
    begun = chunk({"tool_calls": [{"id": "call_1", "function": {"name": "look", "arguments": "{"}}]})
    begun += chunk({"tool_calls": [{"function": {"arguments": "}"}}]})
    begun += chunk({"tool_calls": [{"id": "call_2", "function": {"name": "look", "arguments": "{}"}}]})
    folded = fold(events_of(ANTHROPIC, run(codec(OPENAI, ANTHROPIC, StreamSummary()), [begun, chunk(finish="stop")])))
    assert folded["parts"] == [{"call": ["call_1", "look", "{}"]}, {"call": ["call_2", "look", "{}"]}]


@pytest.mark.parametrize(
    "events",
    [
        [b'event: content_block_start\ndata: {"type":"content_block_start","index":0}\n\n'],
        [b'event: message_start\ndata: {"type":"message_start"}\n\n'],
        [b'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
        [b"data: 5\n\n"],
        [b"data: []\n\n"],
        [b"data: <html>\n\n"],
    ],
)
def test_a_stream_that_does_not_begin_as_it_should(events: list[bytes]) -> None:
    stream = codec(ANTHROPIC, OPENAI, StreamSummary())
    with pytest.raises(UpstreamMalformed):
        for event in events:
            stream.feed(event)
        stream.end()
