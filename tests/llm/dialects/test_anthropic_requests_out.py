"""Conversations of the hub, written as messages requests: every feature, carried, approximated, dropped or refused."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.neutral import (
    Audio,
    Citation,
    Conversation,
    Document,
    Image,
    Logprobs,
    Part,
    Reasoning,
    RedactedThinking,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from llm.errors import InvalidRequest
from tests.llm.dialects.anthropic_wire import EPHEMERAL, blocks_of, text, write

HOUR = {"type": "ephemeral", "ttl": "1h"}
SCHEMA = msgspec.Raw(b'{ "type":"object", "properties":{"at":{"type":"number"}} }')
LOOK = Tool("look", "Looks.", SCHEMA)
PLAIN = base64.b64encode("Straße".encode()).decode()


def said(*turns: Turn, **more: Any) -> dict[str, Any]:
    """The body, of which nothing is lost, beside its messages and bound."""
    body, dropped, _ = write(*turns, **more)
    assert dropped == ()
    del body["messages"], body["max_tokens"]
    return body


def lost(**more: Any) -> tuple[str, ...]:
    return write(**more)[1]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("x"), text("x")),
        (Refusal("no"), text("no")),
        (Image(url="https://x.test/i"), {"type": "image", "source": {"type": "url", "url": "https://x.test/i"}}),
        (
            Image(media_type="image/png", data="iVBO", cache="5m"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"},
                "cache_control": EPHEMERAL,
            },
        ),
        (
            Document(url="https://x.test/a.pdf", title="A", cache="1h"),
            {
                "type": "document",
                "source": {"type": "url", "url": "https://x.test/a.pdf"},
                "title": "A",
                "cache_control": HOUR,
            },
        ),
        (
            Document(media_type="application/pdf", data="JVBE", cited=True),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                "citations": {"enabled": True},
            },
        ),
        (
            Document(media_type="text/plain", data=PLAIN),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Straße"}},
        ),
    ],
)
def test_parts(part: Part, block: dict[str, Any]) -> None:
    assert blocks_of(part) == [block]
    if isinstance(part, Text | Image | Document):
        result = ToolResult("t", (part,), is_error=True, cache="5m")
        assert blocks_of(result) == [
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [block],
                "is_error": True,
                "cache_control": EPHEMERAL,
            }
        ]


def test_the_official_client_knows_every_field() -> None:
    body, dropped, _ = write(
        Turn("system", (Text("s", cache="1h"),)),
        Turn("user", (Text("x"), Image(url="https://x.test"), Document(media_type="text/plain", data=PLAIN))),
        Turn("assistant", (Thinking("hm", "sig"), RedactedThinking("d"), ToolCall("c", "look", "{}"))),
        Turn("user", (ToolResult("c", (Text("y", cache="5m"),)),)),
        tools=(Tool("look", "Looks.", SCHEMA, strict=True),),
        tool_choice=ToolChoice("auto"),
        parallel_tool_calls=False,
        sampling=Sampling(max_tokens=5000, stop=("END",)),
        reasoning=Reasoning(budget=2000),
        response_format=ResponseFormat(schema=SCHEMA),
        user="u",
        service_tier="default",
    )
    assert dropped == ()
    params = TypeAdapter(MessageCreateParamsNonStreaming).validate_python({**body, "model": "claude-x"})
    assert set(params) == {*body, "model"}


def test_sound_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(Turn("user", (Text("x"), Audio("audio/wav", "UklG"))))
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "document",
    [
        Document(media_type="text/plain", url="https://x.test/a.txt"),
        Document(media_type="text/plain", data="no base64!"),
        Document(media_type="text/plain", data=base64.b64encode(b"\xff").decode()),
    ],
)
def test_a_text_document_that_cannot_be_read(document: Document) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(Turn("user", (document,)))
    assert caught.value.param == "messages"


def test_a_system_message_may_only_hold_text() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(Turn("system", (Image(url="https://x.test"),)), Turn("user", (Text("x"),)))
    assert caught.value.param == "messages"


def test_image_detail_is_dropped() -> None:
    body, dropped, _ = write(Turn("user", (Image(url="https://x.test/i", detail="low"),)))
    assert dropped == ("detail",)
    assert body["messages"][0]["content"] == [{"type": "image", "source": {"type": "url", "url": "https://x.test/i"}}]


@pytest.mark.parametrize(
    ("part", "block", "dropped"),
    [
        (
            Thinking("hm", "EqQ=", "anthropic_messages"),
            {"type": "thinking", "thinking": "hm", "signature": "EqQ="},
            (),
        ),
        (
            Thinking("", "EqQ=", "anthropic_messages"),
            {"type": "thinking", "thinking": "", "signature": "EqQ="},
            (),
        ),
        (RedactedThinking("EmwK", "anthropic_messages"), {"type": "redacted_thinking", "data": "EmwK"}, ()),
        (Thinking("hm"), None, ("thinking",)),
        (Thinking("hm", "CiQ=", "gemini"), None, ("thinking",)),
        (Thinking("", "CiQ=", "gemini"), None, ("thinking",)),
        (RedactedThinking("gAAA", "openai_responses"), None, ("thinking",)),
    ],
)
def test_thinking_of_earlier_turns(part: Part, block: dict[str, Any] | None, dropped: tuple[str, ...]) -> None:
    body, named, _ = write(Turn("assistant", (part, Text("y"))), Turn("user", (Text("x"),)))
    assert body["messages"][0]["content"] == [*([block] if block else []), text("y")]
    assert named == dropped


def test_citations_of_earlier_answers_stay_behind() -> None:
    body, dropped, _ = write(Turn("assistant", (Text("y", (Citation(url="https://x.test"),)),)))
    assert (body["messages"][0]["content"], dropped) == ([text("y")], ("citations",))


def test_at_most_four_marks_in_the_order_of_the_prefix() -> None:
    body, dropped, _ = write(
        Turn("user", (Text("a", cache="1h"), Text("b", cache="5m"), Text("c", cache="5m"))),
        Turn("system", (Text("s", cache="1h"),)),
        tools=(Tool("look", schema=SCHEMA, cache="1h"),),
    )
    assert body["tools"][0]["cache_control"] == HOUR
    assert body["system"][0]["cache_control"] == HOUR
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [HOUR, EPHEMERAL, None]
    assert dropped == ("messages.system_position", "cache_control")


def test_an_hour_behind_five_minutes_is_five_minutes() -> None:
    body, dropped, _ = write(Turn("user", (Text("a", cache="5m"), Text("b", cache="1h"))))
    assert [block["cache_control"] for block in body["messages"][0]["content"]] == [EPHEMERAL, EPHEMERAL]
    assert dropped == ("cache_control",)


def test_a_mark_on_an_empty_text_is_named() -> None:
    assert write(Turn("user", (Text("a"), Text(" ", cache="5m"))))[1] == ("cache_control",)


def test_tools_keep_the_bytes_of_their_schema() -> None:
    body, dropped, raw = write(tools=(Tool("look", "Looks.", SCHEMA, strict=True), Tool("bare", strict=False)))
    assert b'"input_schema":' + bytes(SCHEMA) in raw
    assert body["tools"][0]["strict"] is True
    assert body["tools"][1] == {"name": "bare", "input_schema": {"type": "object"}}
    assert dropped == ()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"tool_choice": ToolChoice("auto")}, {"type": "auto"}),
        ({"tool_choice": ToolChoice("none")}, {"type": "none"}),
        ({"tool_choice": ToolChoice("required")}, {"type": "any"}),
        ({"tool_choice": ToolChoice("named", "look")}, {"type": "tool", "name": "look"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": False, "tool_choice": ToolChoice("required")},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_tool_choices(more: dict[str, Any], expected: dict[str, Any]) -> None:
    assert said(tools=(LOOK,), **more)["tool_choice"] == expected


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", "look")])
def test_a_call_that_no_tool_can_answer(choice: ToolChoice) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(tool_choice=choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        (Reasoning(), {}),
        (Reasoning(summary=True), {}),
        (Reasoning(off=True), {"thinking": {"type": "disabled"}}),
        (Reasoning(effort="minimal"), {"output_config": {"effort": "low"}}),
        (Reasoning(effort="low"), {"output_config": {"effort": "low"}}),
        (Reasoning(effort="medium"), {"output_config": {"effort": "medium"}}),
        (Reasoning(effort="high", summary=True), {"output_config": {"effort": "high"}}),
        (Reasoning(effort="xhigh"), {"output_config": {"effort": "xhigh"}}),
        (Reasoning(budget=3000, summary=False), {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
    ],
)
def test_how_hard_the_model_thinks(reasoning: Reasoning, expected: dict[str, Any]) -> None:
    assert said(reasoning=reasoning) == expected


@pytest.mark.parametrize(
    ("budget", "bound", "default", "written", "max_tokens"),
    [
        (2000, 2001, None, 2000, 2001),
        (2000, None, 3000, 2000, 3000),
        (5000, None, 3000, 5000, 8000),
        (5000, None, None, 5000, 9096),
    ],
)
def test_the_bound_exceeds_the_budget(
    budget: int, bound: int | None, default: int | None, written: int, max_tokens: int
) -> None:
    body, dropped, _ = write(
        reasoning=Reasoning(budget=budget), sampling=Sampling(max_tokens=bound), default_max_tokens=default
    )
    assert (body["thinking"]["budget_tokens"], body["max_tokens"], dropped) == (written, max_tokens, ())


@pytest.mark.parametrize(("budget", "bound"), [(2000, 2000), (2000, 100), (512, 512)])
def test_a_bound_that_leaves_no_room_for_the_budget(budget: int, bound: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(reasoning=Reasoning(budget=budget), sampling=Sampling(max_tokens=bound))
    assert caught.value.param == "thinking.budget_tokens"


@pytest.mark.parametrize(
    ("bound", "thinking"),
    [
        (None, {"type": "enabled", "budget_tokens": 1024}),
        (2000, {"type": "enabled", "budget_tokens": 1024}),
        (800, None),
    ],
)
def test_a_budget_below_anthropics_least(bound: int | None, thinking: Any) -> None:
    body, dropped, _ = write(reasoning=Reasoning(budget=512), sampling=Sampling(max_tokens=bound))
    assert body.get("thinking") == thinking
    assert dropped == ("thinking.budget_tokens",)


def test_what_a_budget_does_not_go_with() -> None:
    body, dropped, _ = write(
        reasoning=Reasoning(budget=2000), sampling=Sampling(max_tokens=9000, temperature=0.2, top_k=4, top_p=0.5)
    )
    assert not {"temperature", "top_k", "top_p"} & set(body)
    assert dropped == ("temperature", "top_k", "top_p")
    body, dropped, _ = write(reasoning=Reasoning(budget=2000), sampling=Sampling(temperature=1.0, top_p=0.97))
    assert (body["top_p"], dropped) == (0.97, ())
    body, dropped, _ = write(
        reasoning=Reasoning(budget=2000), tools=(LOOK,), tool_choice=ToolChoice("required"), default_max_tokens=500
    )
    assert "thinking" not in body and body["max_tokens"] == 500
    assert (body["tool_choice"], dropped) == ({"type": "any"}, ("thinking.budget_tokens",))


def test_the_form_of_the_answer() -> None:
    wanted = ResponseFormat(schema=SCHEMA, name="n", description="d", strict=True)
    body, dropped, raw = write(response_format=wanted, reasoning=Reasoning(effort="low"))
    assert body["output_config"]["effort"] == "low"
    assert b'"format":{"type":"json_schema","schema":' + bytes(SCHEMA) + b"}" in raw
    assert dropped == ("response_format.description",)
    for any_json in (ResponseFormat(), ResponseFormat(schema=msgspec.Raw(b"{ }"))):
        body, dropped, _ = write(response_format=any_json)
        assert ("output_config" in body, dropped) == (False, ("response_format",))


@pytest.mark.parametrize(
    ("tier", "written", "dropped"),
    [
        ("auto", "auto", ()),
        ("default", "standard_only", ()),
        ("flex", None, ("service_tier",)),
        ("priority", None, ("service_tier",)),
    ],
)
def test_service_tiers(tier: str, written: str | None, dropped: tuple[str, ...]) -> None:
    body, named, _ = write(service_tier=tier)
    assert (body.get("service_tier"), named) == (written, dropped)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"sampling": Sampling(seed=0)}, "seed"),
        ({"sampling": Sampling(presence_penalty=0.5)}, "presence_penalty"),
        ({"sampling": Sampling(frequency_penalty=-0.5)}, "frequency_penalty"),
        ({"sampling": Sampling(logit_bias=msgspec.Raw(b'{"1":2}'))}, "logit_bias"),
        ({"sampling": Sampling(stop=(" ",))}, "stop"),
        ({"sampling": Sampling(temperature=1.5)}, "temperature"),
        ({"logprobs": Logprobs()}, "logprobs"),
        ({"metadata": msgspec.Raw(b'{"a":"b"}')}, "metadata"),
        ({"verbosity": "low"}, "verbosity"),
    ],
)
def test_what_is_dropped_is_named(more: dict[str, Any], name: str) -> None:
    assert lost(**more) == (name,)


def test_penalties_of_0_and_one_answer_say_nothing() -> None:
    assert lost(sampling=Sampling(presence_penalty=0.0, frequency_penalty=0.0, n=1, top_k=3, temperature=1.0)) == ()


def test_several_answers_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(sampling=Sampling(n=2))
    assert caught.value.param == "n"


def test_a_conversation_without_messages_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        GRAMMAR.write_request(Conversation(turns=(Turn("system", (Text("x"),)),)), default_max_tokens=None)
    assert caught.value.param == "messages"
