"""An event that is known at a glance for one out of an answer's middle comes to the same as one that was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.dialects.codec import StreamCodec
from llm.dialects.hub import CALLERS
from llm.errors import UpstreamError
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, codec
from tests.llm.dialects.recordings import corpus, good, recorded

ALL = corpus(*CALLERS)
SAME = [name for name in ALL if ALL[name]["dialect"] in (OPENAI, ANTHROPIC)]
ODDITIES = [
    b"",
    b"\n",
    b"\r",
    b"\n\n",
    b": comment\n\n",
    b'"',
    b"}",
    b'"usage":null,',
    b'"usage":{},',
    b'"error":null,',
    b'"error":{"message":"no"},',
    b'"finish_reason":"stop",',
    b'"gw1.',
    b"\xc3\xa4",
    b"\xc3",
    b"data: [DONE]\n\n",
]


def events(data: bytes) -> list[bytes]:
    """Each with its blank line; the rest is the last."""
    parts = data.split(b"\n\n")
    return [part + b"\n\n" for part in parts[:-1]] + [parts[-1]] * bool(parts[-1])


def glancing(stream: StreamCodec, piece: bytes) -> bytes:
    return piece if stream.clear and stream.plain(piece) else stream.feed(piece)


def outcome(dialect: Dialect, chunks: Iterable[bytes], *, glance: bool) -> tuple[object, ...]:
    summary = StreamSummary()
    stream = codec(dialect, dialect, summary)
    out, error = [], ""
    try:
        for chunk in chunks:
            out.append(glancing(stream, chunk) if glance else stream.feed(chunk))
            if stream.complete:
                break
        out.append(stream.end())
    except UpstreamError as raised:
        error = repr(raised)
    return b"".join(out), error, summary


@pytest.mark.parametrize("name", ALL)
def test_it_comes_to_the_same(name: str) -> None:
    dialect, chunks = ALL[name]["dialect"], events(recorded(name))
    assert outcome(dialect, chunks, glance=True) == outcome(dialect, chunks, glance=False)


@pytest.mark.parametrize("name", SAME)
@given(st.data())
def test_whatever_stands_in_it(name: str, data: st.DataObject) -> None:
    chunks = events(recorded(name))
    at = data.draw(st.integers(0, len(chunks) - 1))
    place = data.draw(st.integers(0, len(chunks[at])))
    cut = data.draw(st.integers(0, 3))
    chunks[at] = chunks[at][:place] + data.draw(st.sampled_from(ODDITIES)) + chunks[at][place + cut :]
    repeated = data.draw(st.integers(0, len(chunks) - 1))
    chunks.insert(data.draw(st.integers(0, len(chunks))), chunks[repeated])
    dialect = ALL[name]["dialect"]
    assert outcome(dialect, chunks, glance=True) == outcome(dialect, chunks, glance=False)


def plain_ones(dialect: Dialect, chunks: Sequence[bytes]) -> int:
    stream = codec(dialect, dialect, StreamSummary())
    count = 0
    for chunk in chunks:
        if stream.clear and stream.plain(chunk):
            count += 1
        else:
            stream.feed(chunk)
    return count


@pytest.mark.parametrize("name", good({name: ALL[name] for name in SAME}))
def test_what_ends_an_answer_is_looked_at(name: str) -> None:
    dialect, chunks = ALL[name]["dialect"], events(recorded(name))
    summary = StreamSummary()
    stream = codec(dialect, dialect, summary)
    for chunk in chunks:
        finished = summary.finished
        if not (stream.clear and stream.plain(chunk)):
            stream.feed(chunk)
            continue
        assert summary.finished == finished
        assert not stream.complete


def test_most_events_of_an_answer_are_plain() -> None:
    chat = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":null}\n\n'
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}'
    message = b"event: content_block_delta\ndata: " + delta + b"\n\n"
    assert plain_ones(OPENAI, [chat] * 10) == 9  # the first begins a choice
    assert plain_ones(ANTHROPIC, [message] * 10) == 10


def test_a_marked_thought_is_not_plain() -> None:
    stream = codec(ANTHROPIC, ANTHROPIC, StreamSummary())
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"gw1.x.y"}}'
    piece = b"event: content_block_delta\ndata: " + delta + b"\n\n"
    assert not stream.plain(piece)
    assert stream.feed(piece).find(b'"gw1.anthropic_messages.gw1.x.y"') > 0
