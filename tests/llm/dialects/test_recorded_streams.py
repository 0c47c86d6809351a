"""Recorded-style streams of providers, each with what it comes to; one trap of the field per file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.folding import (
    ANTHROPIC,
    OPENAI,
    OTHER,
    by_anthropic,
    by_openai,
    codec,
    events_of,
    fold,
    pieces,
    run,
    usage_of,
)
from tests.llm.dialects.recordings import SIZES, bad, broken_off, corpus, good, recorded

ALL = corpus(*OTHER)
GOOD, BAD = good(ALL), bad(ALL)


def in_other_dialect(told: dict[str, Any]) -> dict[str, Any]:
    """What is left of an answer after the other dialect's wire; a signature is marked with whose it is."""
    parts = [
        {
            name: f"gw1.{told['dialect']}.{said}" if name in ("signature", "redacted") else said
            for name, said in part.items()
        }
        for part in told["parts"]
    ]
    reason = told["finish_reason"]
    if told["dialect"] == ANTHROPIC:
        reason = {"refusal": "content_filter"}.get(reason, reason)
    else:
        parts = [{"text": part["refusal"]} if "refusal" in part else part for part in parts]
        reason = {"content_filter": "refusal"}.get(reason, reason)
    return {"parts": parts, "finish_reason": reason, "usage": told["usage"]}


@pytest.mark.parametrize("name", GOOD)
def test_is_read_into_the_hub(name: str) -> None:
    told = ALL[name]
    folded = fold(events_of(told["dialect"], recorded(name)))
    assert folded == {
        "parts": told["parts"],
        "finish_reason": told["finish_reason"],
        "usage": told["usage"],
        "stop_sequence": told.get("stop_sequence"),
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_is_translated_whatever_the_split(name: str, size: int) -> None:
    told = ALL[name]
    summary = StreamSummary()
    upstream: Dialect = told["dialect"]
    out = run(codec(upstream, OTHER[upstream], summary), pieces(recorded(name), size))
    folded = fold(events_of(OTHER[upstream], out))
    folded.pop("stop_sequence")
    assert folded == in_other_dialect(told)
    assert summary.finished
    assert usage_of(summary.usage) == told["usage"]
    assert summary.finish_reason == told["finish_reason"]


@pytest.mark.parametrize("name", [name for name in GOOD if ALL[name]["dialect"] == ANTHROPIC])
def test_the_openai_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    out = run(codec(ANTHROPIC, OPENAI, StreamSummary()), [recorded(name)])
    completion = by_openai(out)
    message = completion.choices[0].message
    calls = [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or []]
    assert calls == [part["call"] for part in told["parts"] if "call" in part]
    assert (message.content or "") == "".join(part.get("text", "") for part in told["parts"])
    assert completion.usage.prompt_tokens == told["usage"]["input_tokens"]
    assert completion.usage.prompt_tokens_details.cached_tokens == told["usage"]["cached_tokens"]
    assert completion.usage.total_tokens == told["usage"]["input_tokens"] + told["usage"]["output_tokens"]


@pytest.mark.parametrize("name", [name for name in GOOD if ALL[name]["dialect"] == OPENAI])
def test_the_anthropic_client_reads_the_translation(name: str) -> None:
    told = ALL[name]
    out = run(codec(OPENAI, ANTHROPIC, StreamSummary()), [recorded(name)])
    message = by_anthropic(out)
    calls = [block for block in message.content if block.type == "tool_use"]
    expected = [part["call"] for part in told["parts"] if "call" in part]
    assert [[call.id, call.name] for call in calls] == [call[:2] for call in expected]
    if told["finish_reason"] == "tool_calls":
        assert [call.input for call in calls] == [json.loads(call[2]) for call in expected]
    usage = message.usage
    whole = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    assert whole == told["usage"]["input_tokens"]
    assert usage.output_tokens == told["usage"]["output_tokens"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GOOD)
def test_is_relayed_as_it_came(name: str, size: int) -> None:
    told = ALL[name]
    summary = StreamSummary()
    sent = recorded(name)
    out = run(codec(told["dialect"], told["dialect"], summary), pieces(sent, size))
    owed = {
        "openai_no_done": b"data: [DONE]\n\n",
        "openai_no_done_no_blank_line": b"\ndata: [DONE]\n\n",
        "anthropic_no_message_stop": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    }.get(name, b"")
    assert out.replace(b"\r\n", b"\n").replace(b"\r", b"\n") == (
        sent.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + owed
    )
    assert usage_of(summary.usage) == told["usage"]
    assert summary.finished


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("translated", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_a_broken_stream_is_never_a_clean_finish(name: str, translated: bool, size: int) -> None:
    upstream: Dialect = ALL[name]["dialect"]
    out = broken_off(name, ALL[name], OTHER[upstream] if translated else upstream, size)
    assert b"message_delta" not in out and b'"ba' not in out and b'"ty\n' not in out
