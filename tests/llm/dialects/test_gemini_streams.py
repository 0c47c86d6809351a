"""Recorded-style streams of Gemini, each with what it comes to; one trap of the field per file."""

from __future__ import annotations

import json

import pytest

from llm import errors
from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import Finished, Started, StreamEvent
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.drawing import written
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
    run,
    usage_of,
)
from tests.llm.dialects.recordings import SIZES, bad, broken_off, cited, corpus, good, logprobs, recorded

GEMINI: Dialect = "gemini"
ALL = corpus(GEMINI)
GOOD, BAD = good(ALL), bad(ALL)


def test_there_are_enough_of_them() -> None:
    assert len(GOOD) >= 15 and len(BAD) >= 5


@pytest.mark.parametrize("name", GOOD)
def test_is_read_into_the_hub(name: str) -> None:
    told = ALL[name]
    events = events_of(GEMINI, recorded(name))
    assert fold(events) == {
        "parts": told["parts"],
        "finish_reason": told["finish_reason"],
        "usage": told["usage"],
        "stop_sequence": None,
    }
    assert cited(events) == told.get("citations", [])
    assert logprobs(events) == told.get("logprobs", [])
    first = events[0]
    assert isinstance(first, Started)
    assert (first.id, first.model) == ("aR0fab2lNtKz", "gemini-2.5-flash")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_any_split_gives_the_same_events(name: str, size: int) -> None:
    summary, decoder = StreamSummary(), SseDecoder()
    reader = GRAMMARS[GEMINI].reader(summary, OUTSIDE)
    events: list[StreamEvent] = []
    for piece in pieces(recorded(name), size):
        for frame in decoder.feed(piece):
            events += reader.read(frame)
    assert [*events, *reader.end()] == events_of(GEMINI, recorded(name))
    assert usage_of(summary.usage) == ALL[name]["usage"]
    assert (summary.finished, summary.finish_reason) == (True, ALL[name]["finish_reason"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_is_relayed_as_it_came(name: str, size: int) -> None:
    told = ALL[name]
    summary = StreamSummary()
    sent = recorded(name)
    assert run(codec(GEMINI, GEMINI, summary), pieces(sent, size)) == sent
    assert usage_of(summary.usage) == told["usage"]
    assert (summary.finished, summary.finish_reason) == (True, told["finish_reason"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("caller", [GEMINI, ANTHROPIC, OPENAI])
@pytest.mark.parametrize("name", BAD)
def test_a_broken_stream_is_never_a_clean_finish(name: str, caller: Dialect, size: int) -> None:
    out = broken_off(name, ALL[name], caller, size)
    assert b"finishReason" not in out and b'"ba' not in out


def test_the_wait_that_google_names_in_the_stream() -> None:
    with pytest.raises(errors.UpstreamRateLimited) as caught:
        run(codec(GEMINI, OPENAI, StreamSummary()), [recorded("gemini_rate_limit_in_the_middle")])
    assert caught.value.retry_after == 34.5


@pytest.mark.parametrize("name", GOOD)
def test_what_is_written_again_is_the_same(name: str) -> None:
    """Read, written as Gemini's and read again: all that was told is still told."""
    events = events_of(GEMINI, recorded(name))
    again = events_of(GEMINI, written(GEMINI, events))
    assert fold(again) == fold(events)
    assert cited(again) == cited(events)
    assert logprobs(again) == logprobs(events)


@pytest.mark.parametrize("name", GOOD)
def test_the_openai_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    completion = by_openai(run(codec(GEMINI, OPENAI, StreamSummary()), [recorded(name)]))
    message = completion.choices[0].message
    calls = [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or []]
    assert calls == [part["call"] for part in told["parts"] if "call" in part]
    assert (message.content or "") == "".join(part.get("text", "") for part in told["parts"])
    assert completion.usage.prompt_tokens == told["usage"]["input_tokens"]
    assert completion.usage.completion_tokens == told["usage"]["output_tokens"]


@pytest.mark.parametrize("name", GOOD)
def test_the_anthropic_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    message = by_anthropic(run(codec(GEMINI, ANTHROPIC, StreamSummary()), [recorded(name)]))
    calls = [[block.id, block.name, block.input] for block in message.content if block.type == "tool_use"]
    assert calls == [[*part["call"][:2], json.loads(part["call"][2])] for part in told["parts"] if "call" in part]
    texts = [block.text for block in message.content if block.type == "text"]
    assert "".join(texts) == "".join(part.get("text", "") for part in told["parts"])
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    assert thoughts == [part["thinking"] for part in told["parts"] if "thinking" in part]


def test_a_finish_is_the_last_word_of_the_reader() -> None:
    events = events_of(GEMINI, recorded("gemini_stop_in_every_event"))
    assert [isinstance(event, Finished) for event in events].count(True) == 1
    assert isinstance(events[-1], Finished)


def test_nothing_but_the_end_of_the_bytes_ends_a_stream() -> None:
    for caller in (GEMINI, OPENAI):
        stream = codec(GEMINI, caller, StreamSummary())
        for frame in SseDecoder().feed(recorded("gemini_stop_in_every_event")):
            stream.feed(frame.raw)
            assert not stream.complete
        stream.end()


def test_several_candidates_are_finished_when_all_are() -> None:
    def event(index: int, finish: str | None = None) -> bytes:
        content = {"parts": [{"text": "x"}], "role": "model"}
        candidate = {"content": content, "index": index, **({"finishReason": finish} if finish else {})}
        return b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\n\n"

    summary = StreamSummary()
    stream = codec(GEMINI, GEMINI, summary)
    stream.feed(event(0) + event(1) + event(0, "STOP"))
    assert not summary.finished
    stream.feed(event(1, "MAX_TOKENS"))
    assert (summary.finished, summary.finish_reason, stream.end()) == (True, "length", b"")


@pytest.mark.parametrize("caller", [GEMINI, OPENAI])
@pytest.mark.parametrize(
    "data", [b"5", b"[]", b"<html>", b'"x"', b'{"candidates":5}', b'{"candidates":[{"content":7}]}']
)
def test_events_that_are_none(caller: Dialect, data: bytes) -> None:
    stream = codec(GEMINI, caller, StreamSummary())
    with pytest.raises(errors.UpstreamMalformed):
        stream.feed(b"data: " + data + b"\n\n")
        stream.end()
