"""Messages requests for a provider of chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm.dialects.hub import GRAMMARS, translate_request
from llm.errors import InvalidRequest
from llm.spec import Dialect
from tests.llm.dialects.asking import request, to_anthropic, to_openai, user
from tests.llm.dialects.folding import ANTHROPIC, OPENAI
from tests.llm.dialects.test_answers import completion, read

TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}
PIXEL = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def test_a_plain_request_carries_all_its_sampling() -> None:
    body, dropped = to_openai(
        {
            "system": "Be brief.",
            "messages": [user()],
            "temperature": 0.5,
            "top_p": 0.9,
            "stop_sequences": ["END"],
            "metadata": {"user_id": "u-1"},
        },
        stream=True,
    )
    assert body == {
        "model": "gpt-x",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_completion_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "user": "u-1",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert dropped == ()


def test_no_stream_options_without_a_stream() -> None:
    body, _ = to_openai({"messages": [user()]})
    assert body["stream"] is False and "stream_options" not in body


def answered_calls() -> dict[str, Any]:
    calls = [{"type": "text", "text": "Looking."}, USE, {**USE, "id": "toolu_2", "input": {}}]
    seen = [{"type": "text", "text": "see"}, PIXEL]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "found", "is_error": True},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": seen},
        {"type": "text", "text": "go on"},
    ]
    return {"messages": [user(), {"role": "assistant", "content": calls}, user(results)], "tools": [TOOL]}


def test_calls_and_results() -> None:
    body, dropped = to_openai(answered_calls())
    _, assistant, first, second, rest = body["messages"]
    assert assistant["content"] == "Looking."
    assert [(call["id"], call["function"]) for call in assistant["tool_calls"]] == [
        ("toolu_1", {"name": "look", "arguments": '{"at":1}'}),
        ("toolu_2", {"name": "look", "arguments": "{}"}),
    ]
    assert first == {"role": "tool", "tool_call_id": "toolu_1", "content": "found"}
    assert second == {"role": "tool", "tool_call_id": "toolu_2", "content": "see"}
    assert rest["role"] == "user"
    assert rest["content"] == [
        {"type": "text", "text": "Images of the tool result toolu_2:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "go on"},
    ]
    assert dropped == ("is_error",)


def test_tools() -> None:
    body, _ = to_openai(answered_calls())
    schema = {"type": "object", "properties": {}}
    function = {"name": "look", "description": "Looks.", "parameters": schema}
    assert body["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("said", "choice", "parallel"),
    [
        ({"type": "auto"}, "auto", None),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "none"}, "none", None),
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}, None),
    ],
)
def test_tool_choices(said: dict[str, Any], choice: Any, parallel: bool | None) -> None:
    body, dropped = to_openai({"messages": [user()], "tools": [TOOL], "tool_choice": said})
    assert body["tool_choice"] == choice
    assert body.get("parallel_tool_calls") is parallel
    assert dropped == ()


def test_images() -> None:
    by_address = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    body, _ = to_openai({"messages": [user([by_address, PIXEL])]})
    assert [part["image_url"]["url"] for part in body["messages"][0]["content"]] == [
        "https://example.com/a.png",
        "data:image/png;base64,AAAA",
    ]


def test_what_is_lost_is_named() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    marked = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    body, dropped = to_openai(
        {
            "messages": [
                user([marked]),
                {"role": "assistant", "content": [thought, {"type": "redacted_thinking", "data": "d"}]},
                {"role": "system", "content": "kept where it stands"},
                user(),
            ],
            "tools": [TOOL, search],
            "top_k": 5,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "service_tier": "auto",
            "container": None,
        }
    )
    assert set(dropped) == {
        "cache_control",
        "thinking",
        "thinking.budget_tokens",
        "tools.web_search_20250305",
        "top_k",
    }
    assert body["reasoning_effort"] == "low"
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "system", "user"]
    assert len(body["tools"]) == 1


def test_thoughts_that_this_dialect_signed_find_their_way_back() -> None:
    """A provider of chat signs, a caller of messages keeps it, and brings it with the next turn."""
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}
    secret = {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "id": "e", "index": 1}
    message = {"content": "Yes.", "reasoning": "hm", "reasoning_details": [detail, secret]}
    answer = json.loads(read(completion(message), OPENAI).body)
    assert [block["type"] for block in answer["content"]] == ["thinking", "redacted_thinking", "text"]
    body, dropped = to_openai({"messages": [user(), {"role": "assistant", "content": answer["content"]}, user()]})
    assert body["messages"][1] == {"role": "assistant", "content": "Yes.", "reasoning_details": [detail, secret]}
    assert dropped == ()


def document(source: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"type": "document", "source": source, **more}


def test_documents() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    letter = {"type": "text", "media_type": "text/plain", "data": "Dear Sir"}
    asked = user(
        [document(pdf, title="a.pdf"), document(letter, title="Letter", citations={"enabled": True}), document(pdf)]
    )
    body, dropped = to_openai({"messages": [asked]})
    data = "data:application/pdf;base64,JVBERi0="
    assert body["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        {"type": "text", "text": "Letter:\n\nDear Sir"},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": data}},
    ]
    assert dropped == ("citations",)


@pytest.mark.parametrize(
    ("caller", "body", "param"),
    [
        (
            ANTHROPIC,
            {"messages": [user([document({"type": "url", "url": "https://e.com/a.pdf"})])], "max_tokens": 5},
            "messages",
        ),
        (
            "gemini",
            {
                "contents": [
                    {"parts": [{"fileData": {"mimeType": "application/pdf", "fileUri": "https://e.com/a.pdf"}}]}
                ]
            },
            "contents",
        ),
        (
            "gemini",
            {"contents": [{"parts": [{"inlineData": {"mimeType": "audio/ogg", "data": "T2dn"}}]}]},
            "contents",
        ),
    ],
)
def test_what_is_refused_is_named_in_the_callers_words(caller: Dialect, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        translate_request(request(caller, body), OPENAI, model="gpt-x", default_max_tokens=None)
    assert caught.value.param == param and caught.value.message.startswith(f"{param}: ")


def test_there_and_back_keeps_what_openai_can_carry() -> None:
    """A -> B -> A: a messages request that loses nothing on the way out is the same request on the way back."""
    body = {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, PIXEL]},
            {"role": "assistant", "content": [{"type": "text", "text": "b"}, USE]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "r"}]}
                ],
            },
        ],
        "max_tokens": 50,
        "temperature": 0.25,
        "stop_sequences": ["x", "y"],
        "metadata": {"user_id": "u"},
        "tools": [TOOL],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    }
    over, dropped = to_openai(body)
    assert dropped == ()
    del over["model"], over["stream"]
    back, dropped = to_anthropic(over)
    assert dropped == ()
    del back["model"], back["stream"]
    assert back == body


def test_both_readings_of_a_conversation_are_the_same() -> None:
    there = GRAMMARS[ANTHROPIC].read_request(request(ANTHROPIC, {"messages": [user("x")], "max_tokens": 3}))
    here = GRAMMARS[OPENAI].read_request(request(OPENAI, {"messages": [user("x")], "max_tokens": 3}))
    assert there == here
