"""A request as the endpoint's body, and what goes beside it."""

from __future__ import annotations

import pytest

from llm_gateway_client import InterventionContext, LLMConfig, LLMRequest, asking


def test_a_bare_request_says_nothing_that_was_not_said() -> None:
    body = asking.chat_body(LLMRequest("Hi", LLMConfig("m")))
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def test_all_fields_have_their_place() -> None:
    config = LLMConfig("m", 0.5, 10, 0.9, ["\n"], 0.1, 0.2, 30, "Be brief.", {"seed": 7, "top_p": 1})
    context = InterventionContext(
        "id-1", "s", "c", "u", "k", history=[{"role": "assistant", "content": "Yes?"}], tags={"team": "x"}
    )
    tools = [{"type": "function", "function": {"name": "f"}}]
    request = LLMRequest("Hi", config, context, tools, "required", {"type": "json_object"})
    assert asking.chat_body(request) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Hi"},
        ],
        "temperature": 0.5,
        "max_tokens": 10,
        "top_p": 1,
        "stop": ["\n"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "tools": tools,
        "tool_choice": "required",
        "response_format": {"type": "json_object"},
        "user": "u",
        "seed": 7,
    }
    wishes = asking.wishes(request)
    assert (wishes.request_id, wishes.end_user, wishes.session_id, wishes.timeout_seconds) == ("id-1", "u", "s", 30)
    assert wishes.tags == {"session_id": "s", "conversation_id": "c", "correlation_id": "k", "team": "x"}


def test_messages_and_parts_are_told_apart() -> None:
    messages = [{"role": "system", "content": "A"}, {"role": "user", "content": "B"}]
    assert asking.messages(LLMRequest(messages, LLMConfig("m"))) == messages
    parts = [{"type": "text", "text": "A"}]
    assert asking.messages(LLMRequest(parts, LLMConfig("m"))) == [{"role": "user", "content": parts}]


def test_the_requests_own_id_wins_and_there_always_is_one() -> None:
    context = InterventionContext(request_id="of-the-context")
    assert asking.wishes(LLMRequest("x", LLMConfig("m"), context, request_id="own")).request_id == "own"
    assert asking.wishes(LLMRequest("x", LLMConfig("m"), context)).request_id == "of-the-context"
    made = {asking.wishes(LLMRequest("x", LLMConfig("m"))).request_id for _ in range(10)}
    assert len(made) == 10


def test_a_context_that_was_changed_is_looked_at_again() -> None:
    context = InterventionContext()
    context.tags["a"] = "b,c"
    with pytest.raises(ValueError, match="'a'"):
        asking.wishes(LLMRequest("x", LLMConfig("m"), context))


def test_a_stream_asks_for_its_usage() -> None:
    assert asking.streamed({"model": "m"})["stream_options"] == {"include_usage": True}
    kept = asking.streamed({"stream_options": {"include_usage": False, "x": 1}})
    assert kept == {"stream": True, "stream_options": {"include_usage": False, "x": 1}}


@pytest.mark.parametrize("texts", [7, [7], None, ("a",), "", []])
def test_what_is_no_text_is_not_embedded(texts: object) -> None:
    with pytest.raises((TypeError, ValueError), match="embed"):
        asking.embeddings_body(texts, "m", dimensions=None, context=None)  # type: ignore[arg-type]  # reason: wrong on purpose


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800", {1, 2}], ids=["NaN", "object", "surrogate", "set"])
def test_what_json_cannot_hold_is_refused_before_anything_is_sent(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        asking.chat_body(LLMRequest("x", LLMConfig("m", extra={"metadata": value})))
