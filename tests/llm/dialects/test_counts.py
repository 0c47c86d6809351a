"""Counts of tokens that no provider can mean."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.dialects.anthropic_messages import wire as anthropic
from llm.dialects.counts import MOST, counted, within
from llm.dialects.gemini import wire as gemini
from llm.dialects.hub import read_result
from llm.dialects.openai_chat import wire as chat
from llm.dialects.openai_responses import wire as responses
from llm.spec import Dialect
from tests.llm.dialects.folding import usage_of

COUNTS = st.none() | st.integers(-(10**30), 10**30) | st.sampled_from([0, 1, MOST, MOST + 1, 2**63, 10**30])
NAMES: dict[Dialect, list[str]] = {
    "openai_chat": [
        "prompt_tokens",
        "completion_tokens",
        "prompt_cache_hit_tokens",
        "prompt_tokens_details.cached_tokens",
        "prompt_tokens_details.cache_write_tokens",
        "completion_tokens_details.reasoning_tokens",
    ],
    "openai_responses": [
        "input_tokens",
        "output_tokens",
        "input_tokens_details.cached_tokens",
        "input_tokens_details.cache_write_tokens",
        "output_tokens_details.reasoning_tokens",
    ],
    "anthropic_messages": [
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens_details.thinking_tokens",
    ],
    "gemini": [
        "promptTokenCount",
        "candidatesTokenCount",
        "cachedContentTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
    ],
}
READ: dict[Dialect, Any] = {
    "openai_chat": chat.read_usage,
    "openai_responses": responses.read_usage,
    "anthropic_messages": anthropic.read_usage,
    "gemini": gemini.read_usage,
}


def usage_object(counts: dict[str, int | None]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, count in counts.items():
        outer, dot, inner = name.partition(".")
        if dot:
            told.setdefault(outer, {})[inner] = count
        else:
            told[outer] = count
    return told


@pytest.mark.parametrize("dialect", NAMES)
@given(st.data())
def test_whatever_is_said_the_parts_are_within_their_sums(dialect: Dialect, data: st.DataObject) -> None:
    counts = {name: data.draw(COUNTS) for name in NAMES[dialect]}
    usage = READ[dialect](msgspec.Raw(json.dumps(usage_object(counts)).encode()))
    assert 0 <= usage.cached_tokens + usage.cache_write_tokens <= usage.input_tokens <= 3 * MOST
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens <= 2 * MOST
    assert min(usage.cached_tokens, usage.cache_write_tokens) >= 0


@pytest.mark.parametrize("dialect", NAMES)
def test_what_can_be_meant_is_believed(dialect: Dialect) -> None:
    counts = dict.fromkeys(NAMES[dialect], 0)
    first, second = NAMES[dialect][:2]
    usage = READ[dialect](msgspec.Raw(json.dumps(usage_object({**counts, first: MOST, second: MOST - 1})).encode()))
    assert usage_of(usage) == {
        "input_tokens": MOST,
        "output_tokens": MOST - 1,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    }


ANSWERS: dict[Dialect, dict[str, Any]] = {
    "openai_chat": {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]},
    "openai_responses": {"status": "completed", "output": []},
    "anthropic_messages": {"type": "message", "content": [], "stop_reason": "end_turn"},
    "gemini": {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]},
}


@pytest.mark.parametrize("caller", NAMES)
@pytest.mark.parametrize("upstream", NAMES)
def test_an_absurd_count_is_no_reason_to_lose_an_answer(upstream: Dialect, caller: Dialect) -> None:
    name = "usageMetadata" if upstream == "gemini" else "usage"
    body = {**ANSWERS[upstream], name: usage_object(dict.fromkeys(NAMES[upstream], 10**30))}
    usage = read_result(json.dumps(body).encode(), upstream=upstream, caller=caller, model="m").usage
    assert MOST <= usage.input_tokens <= 3 * MOST and MOST <= usage.output_tokens <= 2 * MOST


def test_bounds() -> None:
    assert [counted(count) for count in (None, -1, 0, 5, MOST, MOST + 1)] == [0, 0, 0, 5, MOST, MOST]
    assert [within(count, 3) for count in (None, -1, 2, 4)] == [0, 0, 2, 3]
