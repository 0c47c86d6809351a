"""What holds for every answer, not only for the recorded ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import Answer
from llm.errors import UpstreamMalformed
from llm.spec import StreamSummary, Usage
from tests.llm.dialects.drawing import ARGUMENTS, CUTS, answers, cut, streams_of, told, usages, written
from tests.llm.dialects.folding import (
    ANTHROPIC,
    OPENAI,
    OUTSIDE,
    codec,
    events_of,
    fold,
    pieces,
    run,
)

BOTH_WAYS = st.sampled_from([(OPENAI, ANTHROPIC), (ANTHROPIC, OPENAI)])


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), BOTH_WAYS, st.integers(1, 400))
def test_the_folded_stream_is_the_whole_answer(data: st.DataObject, answer: Answer, way: Any, size: int) -> None:
    """Streamed and not, through both wires: the same answer, arguments byte for byte."""
    upstream, caller = way
    sent = written(upstream, data.draw(streams_of(answer)))
    assert fold(events_of(upstream, sent)) == told(answer)
    out = run(codec(upstream, caller, StreamSummary()), pieces(sent, size))
    streamed = fold(events_of(caller, out))
    whole = GRAMMARS[upstream].read_answer(GRAMMARS[upstream].write_answer(answer, OUTSIDE), OUTSIDE)
    assert told(whole) == told(answer)
    translated = GRAMMARS[caller].read_answer(GRAMMARS[caller].write_answer(whole, OUTSIDE), OUTSIDE)
    assert streamed == told(translated) == told(answer)


@settings(max_examples=60, deadline=None)
@given(st.data(), answers(), st.sampled_from([OPENAI, ANTHROPIC]), CUTS)
def test_a_relay_keeps_every_byte(data: st.DataObject, answer: Answer, dialect: Any, sizes: list[int]) -> None:
    sent = written(dialect, data.draw(streams_of(answer)))
    summary = StreamSummary()
    assert run(codec(dialect, dialect, summary), cut(sent, sizes)) == sent
    assert summary.usage == answer.usage and summary.finished


def chunk(**choice: Any) -> bytes:
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": None, **choice}]}
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


@settings(max_examples=80, deadline=None)
@given(st.lists(ARGUMENTS, min_size=2, max_size=4), st.data())
def test_interleaved_tool_calls_come_out_in_order_and_whole(arguments: list[str], data: st.DataObject) -> None:
    """Every call begins in order; after that its pieces may come in any mixture with the others'."""
    waiting = {index: list(text) for index, text in enumerate(arguments)}
    begun = 0
    sent = b""
    while any(waiting.values()) or begun < len(arguments):
        ready = [index for index in range(begun) if waiting[index]]
        index = data.draw(st.sampled_from([*ready, *([begun] if begun < len(arguments) else [])]))
        if index == begun:
            begun += 1
            call: dict[str, Any] = {"index": index, "id": f"call_{index}", "function": {"name": "f", "arguments": ""}}
        else:
            size = data.draw(st.integers(1, 8))
            call = {"index": index, "function": {"arguments": "".join(waiting[index][:size])}}
            del waiting[index][:size]
        sent += chunk(delta={"tool_calls": [call]})
    sent += chunk(finish_reason="tool_calls")
    out = run(codec(OPENAI, ANTHROPIC, StreamSummary()), [sent])
    folded = fold(events_of(ANTHROPIC, out))
    assert [part["call"] for part in folded["parts"]] == [
        [f"call_{index}", "f", text] for index, text in enumerate(arguments)
    ]


@settings(max_examples=80, deadline=None)
@given(st.data(), answers(), BOTH_WAYS, st.floats(0, 0.999))
def test_a_stream_that_is_cut_before_its_finish_is_an_error(
    data: st.DataObject, answer: Answer, way: Any, share: float
) -> None:
    sent = written(way[0], data.draw(streams_of(answer)))
    finish = b'"finish_reason":"' if way[0] == OPENAI else b"event: message_delta"
    cut = sent[: int(sent.index(finish) * share)]
    for caller in way:
        stream = codec(way[0], caller, StreamSummary())
        out = stream.feed(cut)
        with pytest.raises(UpstreamMalformed):
            stream.end()
        assert b"[DONE]" not in out and b"message_stop" not in out


@given(usages())
def test_usage_survives_both_wires(usage: Usage) -> None:
    from llm.dialects.anthropic_messages import wire as anthropic
    from llm.dialects.openai_chat import wire as openai

    over_openai = openai.write_usage(usage)
    assert openai.read_usage(msgspec.Raw(msgspec.json.encode(over_openai))) == usage
    over_anthropic: Any = anthropic.write_usage(usage)
    assert anthropic.read_usage(msgspec.Raw(msgspec.json.encode(over_anthropic))) == usage
    assert over_openai["prompt_tokens"] == (
        over_anthropic["input_tokens"]
        + over_anthropic["cache_creation_input_tokens"]
        + over_anthropic["cache_read_input_tokens"]
    )
