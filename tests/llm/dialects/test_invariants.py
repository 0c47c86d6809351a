"""What holds in every dialect, and from every dialect to every other."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.anthropic_messages import wire as messages_wire
from llm.dialects.gemini import wire as gemini_wire
from llm.dialects.hub import GRAMMARS, passthrough_request, read_result, translate_request
from llm.dialects.neutral import (
    Answer,
    Conversation,
    Image,
    Part,
    Sampling,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from llm.dialects.openai_chat import wire as chat_wire
from llm.dialects.openai_responses import wire as responses_wire
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect, Request, StreamSummary, Usage
from tests.llm.dialects.drawing import ARGUMENTS, VALUES, WORDS, answers, streams_of, told, usages, written
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, codec, events_of, fold, pieces, run

RESPONSES: Dialect = "openai_responses"
GEMINI: Dialect = "gemini"
DIALECTS = list(GRAMMARS)
PAIRS = list(permutations(DIALECTS, 2))
FEW = settings(max_examples=25, deadline=None)


def known(usage: Usage, *dialects: Dialect) -> Usage:
    """What of a usage all of them can say: Gemini counts what was written to a cache with the rest of the prompt."""
    written = 0 if GEMINI in dialects else usage.cache_write_tokens
    return Usage(usage.input_tokens, usage.output_tokens, usage.cached_tokens, written, usage.reasoning_tokens)


def expected(answer: Answer, *dialects: Dialect) -> dict[str, Any]:
    return told(msgspec.structs.replace(answer, usage=known(answer.usage, *dialects)))


def translated(body: bytes, upstream: Dialect, caller: Dialect) -> bytes:
    return read_result(body, upstream=upstream, caller=caller, model="m", new_id=OUTSIDE.new_id).body


def read_whole(dialect: Dialect, body: bytes) -> Answer:
    return GRAMMARS[dialect].read_answer(body, OUTSIDE)


@pytest.mark.parametrize(("upstream", "caller"), PAIRS)
@FEW
@given(st.data(), answers(), st.integers(1, 400))
def test_the_folded_stream_is_the_whole_answer(
    upstream: Dialect, caller: Dialect, data: st.DataObject, answer: Answer, size: int
) -> None:
    """Whatever the pieces of the bytes and of the arguments, these byte for byte. `fold` asserts that one block is
    open at a time, that all are closed, and that their numbers are dense, on both wires."""
    sent = written(upstream, data.draw(streams_of(answer)))
    assert fold(events_of(upstream, sent)) == expected(answer, upstream)
    given = run(codec(upstream, caller, StreamSummary()), pieces(sent, size))
    whole = translated(GRAMMARS[upstream].write_answer(answer, OUTSIDE), upstream, caller)
    assert fold(events_of(caller, given)) == told(read_whole(caller, whole)) == expected(answer, upstream, caller)


@pytest.mark.parametrize("dialect", DIALECTS)
@FEW
@given(st.data(), answers(), st.integers(1, 200), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_split_of_the_bytes_gives_the_same_events(
    dialect: Dialect, data: st.DataObject, answer: Answer, size: int, end: bytes
) -> None:
    sent = written(dialect, data.draw(streams_of(answer))).replace(b"\n", end)
    decoder, reader = SseDecoder(), GRAMMARS[dialect].reader(StreamSummary(), OUTSIDE)
    events: list[StreamEvent] = []
    for piece in pieces(sent, size):
        for frame in decoder.feed(piece):
            events += reader.read(frame)
    for frame in decoder.flush():
        events += reader.read(frame)
    assert [*events, *reader.end()] == events_of(dialect, sent)


WIRES: dict[Dialect, Any] = {
    OPENAI: chat_wire,
    RESPONSES: responses_wire,
    ANTHROPIC: messages_wire,
    GEMINI: gemini_wire,
}
SUMS: dict[Dialect, Any] = {
    OPENAI: lambda told: (told["prompt_tokens"], told["completion_tokens"]),
    RESPONSES: lambda told: (told["input_tokens"], told["output_tokens"]),
    ANTHROPIC: lambda told: (
        told["input_tokens"] + told["cache_creation_input_tokens"] + told["cache_read_input_tokens"],
        told["output_tokens"],
    ),
    GEMINI: lambda told: (
        told["promptTokenCount"],
        told["candidatesTokenCount"] + told.get("thoughtsTokenCount", 0),
    ),
}


@pytest.mark.parametrize(("first", "second"), PAIRS)
@given(usages())
def test_usage_is_the_same_in_both_directions(first: Dialect, second: Dialect, usage: Usage) -> None:
    def over(dialect: Dialect, usage: Usage) -> Usage:
        wire = WIRES[dialect]
        told = wire.write_usage(usage)
        assert SUMS[dialect](told) == (usage.input_tokens, usage.output_tokens)
        if dialect != ANTHROPIC:
            total = told.get("total_tokens", told.get("totalTokenCount"))
            assert total == usage.input_tokens + usage.output_tokens
        read: Usage = wire.read_usage(msgspec.Raw(msgspec.json.encode(told)))
        return read

    assert over(first, usage) == known(usage, first)
    assert over(second, over(first, usage)) == over(first, over(second, usage)) == known(usage, first, second)


NEW = st.dictionaries(WORDS.map(lambda word: "new_" + word), VALUES | st.dictionaries(WORDS, VALUES), min_size=1)


@pytest.mark.parametrize("dialect", DIALECTS)
@FEW
@given(st.data(), answers(), NEW, st.integers(1, 90))
def test_unknown_fields_survive_in_the_same_dialect(
    dialect: Dialect, data: st.DataObject, answer: Answer, new: dict[str, Any], size: int
) -> None:
    """Of requests, whole answers and streams; a translation takes no harm."""
    given = {name: msgspec.Raw(json.dumps(value, indent=1).encode()) for name, value in new.items()}
    assert given.items() <= passthrough_request(Request(dialect, "m", given), model="x").items()

    body = json.dumps({**json.loads(GRAMMARS[dialect].write_answer(answer, OUTSIDE)), **new}, indent=1).encode()
    assert translated(body, dialect, dialect) == body
    sent = b""
    for frame in SseDecoder().feed(written(dialect, data.draw(streams_of(answer)))):
        line = b"" if frame.data == b"[DONE]" else b"," + json.dumps(new).encode()[1:]
        sent += (b"event: %s\n" % frame.event.encode() if frame.event else b"") + b"data: "
        sent += (frame.data[:-1].replace(b"\n", b"\ndata: ") + line if line else frame.data) + b"\n\n"
    assert run(codec(dialect, dialect, StreamSummary()), pieces(sent, size)) == sent
    assert fold(events_of(dialect, sent)) == expected(answer, dialect)


NOVEL: dict[Dialect, list[bytes]] = {
    OPENAI: [
        b'data: {"object":"novel","choices":[]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"novel":{"x":[1]}},"finish_reason":null}]}\n\n',
    ],
    RESPONSES: [
        b'event: response.novel.delta\ndata: {"type":"response.novel.delta","output_index":"x","delta":{}}\n\n',
        b"event: response.output_item.added\n"
        b'data: {"type":"response.output_item.added","output_index":99,"item":{"type":"novel","content":5}}\n\n',
    ],
    ANTHROPIC: [
        b'event: novel\ndata: {"type":"novel","delta":5}\n\n',
        b'event: content_block_start\ndata: {"type":"content_block_start","index":99,"content_block":{"type":"novel"}}'
        b'\n\nevent: content_block_stop\ndata: {"type":"content_block_stop","index":99}\n\n',
    ],
    GEMINI: [
        b'data: {"novel":{"x":1}}\n\n',
        b'data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"novelPart":{"x":1}}]}}]}\n\n',
    ],
}
"""An event, and a block, of a type that nobody knows."""


@pytest.mark.parametrize(("upstream", "caller"), PAIRS)
@FEW
@given(st.data(), answers())
def test_an_unknown_event_is_passed_on_or_skipped(
    upstream: Dialect, caller: Dialect, data: st.DataObject, answer: Answer
) -> None:
    """Between two blocks, or before the first."""
    frames = [frame.raw for frame in SseDecoder().feed(written(upstream, data.draw(streams_of(answer))))]
    novel = data.draw(st.sampled_from(NOVEL[upstream]))
    place = _place_of_first_block(upstream, frames)
    sent = b"".join([*frames[:place], novel, *frames[place:]])
    assert run(codec(upstream, upstream, StreamSummary()), [sent]) == sent
    given = run(codec(upstream, caller, StreamSummary()), [sent])
    assert fold(events_of(caller, given)) == expected(answer, upstream, caller)


def _place_of_first_block(dialect: Dialect, frames: list[bytes]) -> int:
    """Behind what begins an answer."""
    return {OPENAI: 1, RESPONSES: 2, ANTHROPIC: 1, GEMINI: 0}[dialect]


NOVEL_PARTS: dict[Dialect, Any] = {
    OPENAI: lambda body: body["choices"][0]["message"].update(novel={"x": [1]}),
    RESPONSES: lambda body: body["output"].insert(0, {"type": "novel", "content": 5}),
    ANTHROPIC: lambda body: body["content"].insert(0, {"type": "novel", "text": 5}),
    GEMINI: lambda body: body["candidates"][0]["content"]["parts"].insert(0, {"novelPart": {"x": 1}}),
}


@pytest.mark.parametrize(("upstream", "caller"), PAIRS)
@FEW
@given(answers())
def test_so_is_an_unknown_part_of_a_whole_answer(upstream: Dialect, caller: Dialect, answer: Answer) -> None:
    told_so: Any = json.loads(GRAMMARS[upstream].write_answer(answer, OUTSIDE))
    NOVEL_PARTS[upstream](told_so)
    body = json.dumps(told_so).encode()
    assert translated(body, upstream, upstream) == body
    parts = read_whole(caller, translated(body, upstream, caller)).parts
    assert [_loose(part) for part in parts] == [_loose(part) for part in answer.parts]


def _loose(part: Part) -> Any:
    """Arguments as values: a body of a test is written anew."""
    return (part.id, part.name, json.loads(part.arguments)) if isinstance(part, ToolCall) else part


@pytest.mark.parametrize(("home", "abroad"), PAIRS)
@FEW
@given(answers())
def test_an_answer_goes_there_and_back(home: Dialect, abroad: Dialect, answer: Answer) -> None:
    there = translated(GRAMMARS[home].write_answer(answer, OUTSIDE), home, abroad)
    back = read_whole(home, translated(there, abroad, home))
    assert told(back) == expected(answer, home, abroad)


SCHEMAS = st.dictionaries(WORDS, st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 1}])).map(
    lambda names: msgspec.Raw(json.dumps({"type": "object", "properties": names, "required": [*names]}).encode())
)
IMAGES = st.builds(Image, media_type=st.just("image/png"), data=st.just("AAAA"))


SAID = WORDS.filter(str.strip)  # Anthropic takes no text of white space alone


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """What every dialect can say."""
    tools = tuple(Tool(name, draw(SAID), draw(SCHEMAS)) for name in ("look", "now")[: draw(st.integers(1, 2))])
    choices = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named", "look")]
    turns = [Turn("system", (Text(draw(SAID)),))] if draw(st.booleans()) else []
    for index in range(draw(st.integers(0, 2))):
        turns.append(Turn("user", (Text(draw(SAID)), *draw(st.lists(IMAGES, max_size=1)))))
        call = ToolCall(f"call_{index}", draw(st.sampled_from(tools)).name, draw(ARGUMENTS))
        turns.append(Turn("assistant", (Text(draw(SAID)), call)))
        turns.append(Turn("user", (ToolResult(call.id, (Text(draw(SAID)),)),)))
        turns.append(Turn("assistant", (Text(draw(SAID)),)))
    turns.append(Turn("user", (Text(draw(SAID)),)))
    sampling = Sampling(
        max_tokens=draw(st.integers(16, 10**6)),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_p=draw(st.none() | st.floats(0, 1)),
    )
    return Conversation(turns=tuple(turns), tools=tools, tool_choice=draw(st.sampled_from(choices)), sampling=sampling)


def asked(dialect: Dialect, body: Any) -> Request:
    return Request(dialect, "m", msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw]))


@pytest.mark.parametrize(("home", "abroad"), PAIRS)
@FEW
@given(conversations())
def test_a_request_goes_there_and_back(home: Dialect, abroad: Dialect, conversation: Conversation) -> None:
    body, lost = GRAMMARS[home].write_request(conversation, default_max_tokens=None)
    first = GRAMMARS[home].read_request(asked(home, body))
    there, lost_there = translate_request(asked(home, body), abroad, model="m", default_max_tokens=None)
    back, lost_back = translate_request(asked(abroad, there), home, model="m", default_max_tokens=None)
    assert (lost, lost_there, lost_back) == ((), (), ())
    assert _loosely(GRAMMARS[home].read_request(asked(home, back))) == _loosely(first)


def _loosely(conversation: Conversation) -> Conversation:
    """A tool of responses always says whether it is strict."""
    tools = [msgspec.structs.replace(tool, strict=bool(tool.strict)) for tool in conversation.tools]
    return msgspec.structs.replace(conversation, tools=tuple(tools))
