"""One event that is no JSON: the rest is given once it is known that nothing is missing, and else never."""

from __future__ import annotations

import pytest

from llm.dialects import doubt, hub
from llm.errors import UpstreamMalformed
from llm.spec import Dialect, StreamSummary
from tests.support.upstream_answers import Dialect as Spoken
from tests.support.upstream_answers import Reply, Tokens, ToolCall, events
from tests.support.upstream_faults import GARBLED, LEADING

TEXT = "one two three four five six"
WORDS = TEXT.split()
SPOKEN: tuple[Spoken, ...] = ("openai_chat", "anthropic_messages")
CALLERS: tuple[Dialect, ...] = ("openai_chat", "anthropic_messages", "openai_responses", "gemini")


def stream(spoken: Spoken, *, output: int = len(WORDS)) -> list[bytes]:
    return events(spoken, Reply(TEXT, tokens=Tokens(output=output)), number=1, model="m")


def read(spoken: Spoken, caller: Dialect, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """What is given while it comes, and at its end. Raises what is raised."""
    codec = hub.open_stream(
        upstream=spoken, caller=caller, include_usage=True, model="m", summary=StreamSummary(), new_id=lambda: "id",
        clock=lambda: 0.0,
    )  # fmt: skip
    return b"".join(map(codec.feed, pieces)), codec.end()


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("after", [1, 3, 6])
def test_an_event_too_many_is_left_out(spoken: Spoken, caller: Dialect, after: int) -> None:
    good = stream(spoken)
    at = LEADING[spoken] + after
    early, late = read(spoken, caller, [*good[:at], GARBLED[spoken], *good[at:]])
    assert early + late == b"".join(read(spoken, caller, good))
    assert WORDS[after - 1].encode() in early
    assert after == len(WORDS) or WORDS[after].encode() not in early


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_word_that_is_missing_is_not_passed_over(spoken: Spoken, caller: Dialect) -> None:
    good = stream(spoken)
    at = LEADING[spoken] + 3
    broken = good[at][: len(good[at]) // 2] + b"\n\n"
    codec = hub.open_stream(upstream=spoken, caller=caller, include_usage=True, model="m", summary=StreamSummary())
    given = b"".join(map(codec.feed, [*good[:at], broken, *good[at + 1 :]]))
    assert b"three" in given and b"five" not in given
    with pytest.raises(UpstreamMalformed, match="malformed event"):
        codec.end()


@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("output", [0, len(WORDS) - 1, len(WORDS) + 1])
def test_another_count_of_tokens_proves_nothing(spoken: Spoken, output: int) -> None:
    good = stream(spoken, output=output)
    with pytest.raises(UpstreamMalformed):
        read(spoken, spoken, [*good[:5], GARBLED[spoken], *good[5:]])


@pytest.mark.parametrize("spoken", SPOKEN)
def test_where_nothing_is_said_yet_it_fails_at_once(spoken: Spoken) -> None:
    good = stream(spoken)
    at = LEADING[spoken]
    codec = hub.open_stream(upstream=spoken, caller=spoken, include_usage=True, model="m", summary=StreamSummary())
    codec.feed(b"".join(good[:at]))
    with pytest.raises(UpstreamMalformed):
        codec.feed(GARBLED[spoken])


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_second_one_and_an_end_that_never_comes_are_errors(spoken: Spoken) -> None:
    good = stream(spoken)
    with pytest.raises(UpstreamMalformed):
        read(spoken, spoken, [*good[:5], GARBLED[spoken], good[5], GARBLED[spoken], *good[6:]])
    with pytest.raises(UpstreamMalformed):
        read(spoken, spoken, [*good[:5], GARBLED[spoken], *good[5:7]])


def test_a_call_of_a_tool_is_never_passed_over() -> None:
    asked = Reply("hello", tool_calls=(ToolCall("weather", '{"city":"Oslo"}'),), finish="tool_calls")
    good = events("openai_chat", asked, number=1, model="m")
    with pytest.raises(UpstreamMalformed):
        read("openai_chat", "openai_chat", [*good[:4], GARBLED["openai_chat"], *good[4:]])


def test_what_is_kept_is_bounded() -> None:
    summary = StreamSummary(finished=True)
    kept = doubt.Doubt(UpstreamMalformed("The provider's stream holds a malformed event."), summary)
    kept.keep(b"x" * doubt.MOST_KEPT)
    with pytest.raises(UpstreamMalformed):
        kept.keep(b"x")
    assert not summary.finished
