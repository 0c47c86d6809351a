"""Requests of the hub, written for Gemini: one test for each row of the table of features."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.neutral import (
    Audio,
    Citation,
    Document,
    Image,
    Logprobs,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from llm.errors import InvalidRequest
from tests.llm.dialects.gemini_written import CALL, SCHEMA, TOOL, contents, model, user, write


def config(**more: Any) -> tuple[Any, tuple[str, ...]]:
    body, dropped, _ = write(**more)
    return body.get("generationConfig"), dropped


def test_the_least() -> None:
    assert write() == (
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        (),
        b'{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}',
    )


def test_system_and_turns() -> None:
    turns = (
        Turn("system", (Text("Be brief."), Text(""))),
        Turn("developer", (Text("Be kind."),)),
        user(),
        model(Text("Yes?"), Refusal("No.")),
        user(Text("One."), Text("")),
        user(Text("Two.")),
    )
    body, dropped, _ = write(*turns)
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Yes?"}, {"text": "No."}]},
            {"role": "user", "parts": [{"text": "One."}, {"text": "Two."}]},
        ],
    }
    assert dropped == ()


def test_a_system_message_in_the_middle_moves_to_the_front() -> None:
    body, dropped, _ = write(user(), Turn("system", (Text("Now in French."),)))
    assert body["systemInstruction"] == {"parts": [{"text": "Now in French."}]}
    assert dropped == ("messages.system_position",)


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Image(media_type="image/png", data="aWk="), {"inlineData": {"mimeType": "image/png", "data": "aWk="}}),
        (
            Image(url="https://x.example/a.PNG?b=1"),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/a.PNG?b=1"}},
        ),
        (Image(url="https://x.example/a"), {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.example/a"}}),
        (Image(url="https://[x"), {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://[x"}}),
        (
            Document(media_type="application/pdf", data="cGRm"),
            {"inlineData": {"mimeType": "application/pdf", "data": "cGRm"}},
        ),
        (
            Document(url="https://x.example/a"),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x.example/a"}},
        ),
        (
            Document(url="https://x.example/a.txt"),
            {"fileData": {"mimeType": "text/plain", "fileUri": "https://x.example/a.txt"}},
        ),
        (Document(media_type="text/plain", data="dA=="), {"inlineData": {"mimeType": "text/plain", "data": "dA=="}}),
        (Audio("audio/wav", "d2F2"), {"inlineData": {"mimeType": "audio/wav", "data": "d2F2"}}),
    ],
)
def test_media(part: Part, written: Any) -> None:
    assert contents(user(Text("See:"), part)) == [{"role": "user", "parts": [{"text": "See:"}, written]}]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Image(url="https://x.example/a", detail="high"), "detail"),
        (Document(media_type="application/pdf", data="cGRm", cited=True), "citations"),
        (Document(media_type="application/pdf", data="cGRm", title="t"), "title"),
        (Text("x", cache="5m"), "cache_control"),
        (Image(url="https://x.example/a", cache="1h"), "cache_control"),
    ],
)
def test_what_a_part_loses(part: Part, name: str) -> None:
    assert write(user(part))[1] == (name,)


def test_tools_keep_their_schema_to_the_byte() -> None:
    body, dropped, raw = write(tools=(TOOL, Tool("now")), tool_choice=ToolChoice("auto"))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Looks.", "parametersJsonSchema": json.loads(bytes(SCHEMA))},
                {"name": "now"},
            ]
        }
    ]
    assert bytes(SCHEMA) in raw and dropped == ()


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (None, None),
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("named", "look"), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, written: Any) -> None:
    body = write(tools=(TOOL,), tool_choice=choice)[0]
    assert body.get("toolConfig") == (written and {"functionCallingConfig": written})


@pytest.mark.parametrize("mode", ["required", "named"])
def test_a_choice_without_tools(mode: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(tool_choice=ToolChoice(mode, "look"))
    assert caught.value.param == "tool_choice"
    assert "toolConfig" not in write(tool_choice=ToolChoice("none"))[0]


def test_calls_and_results_in_parallel() -> None:
    second = ToolCall("call_2", "now", "{}")
    turns = (
        user(),
        model(Text("Looking."), CALL, second),
        user(ToolResult("call_2", (Text("noon"),), is_error=False)),
        user(ToolResult("call_1", (Text("a"), Text("b")), is_error=True), Text("And?")),
    )
    body, dropped, raw = write(*turns, tools=(TOOL,))
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "Looking."},
                {"functionCall": {"id": "call_1", "name": "look", "args": {"at": 1.0}}},
                {"functionCall": {"id": "call_2", "name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "call_2", "name": "now", "response": {"result": "noon"}}},
                {"functionResponse": {"id": "call_1", "name": "look", "response": {"error": "a\nb"}}},
                {"text": "And?"},
            ],
        },
    ]
    assert b'"args":{ "at":1.0}' in raw and dropped == ()


def test_images_and_documents_of_a_result_stand_behind_it() -> None:
    parts = (
        Text("Here:"),
        Image(media_type="image/png", data="aWk="),
        Document(media_type="application/pdf", data="cA=="),
    )
    found = contents(user(), model(CALL), user(ToolResult("call_1", parts), Text("Well?")))
    assert found[2]["parts"] == [
        {"functionResponse": {"id": "call_1", "name": "look", "response": {"result": "Here:"}}},
        {"text": "Files of the tool result call_1:"},
        {"inlineData": {"mimeType": "image/png", "data": "aWk="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "cA=="}},
        {"text": "Well?"},
    ]


def test_a_result_without_content() -> None:
    found = contents(user(), model(CALL), user(ToolResult("call_1", ())))
    assert found[2]["parts"][0]["functionResponse"]["response"] == {"result": ""}


@pytest.mark.parametrize(
    "turns",
    [
        (user(ToolResult("call_9", (Text("x"),))),),
        (user(), model(ToolCall("c", "f", '{"torn": '))),
        (user(), model(ToolCall("c", "f", "[1]"))),
        (Turn("system", (Text("x"),)),),
        (user(Text("")),),
    ],
)
def test_conversations_that_cannot_be_carried(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(*turns)
    assert caught.value.param == "messages"


def test_several_answers_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(sampling=Sampling(n=2))
    assert caught.value.param == "n"
    assert config(sampling=Sampling(n=1)) == (None, ())


def test_sampling() -> None:
    sampling = Sampling(
        max_tokens=9,
        temperature=1.7,
        top_p=0.5,
        top_k=40,
        stop=("END", ""),
        seed=7,
        presence_penalty=0.25,
        frequency_penalty=-0.5,
    )
    assert config(sampling=sampling) == (
        {
            "maxOutputTokens": 9,
            "temperature": 1.7,
            "topP": 0.5,
            "topK": 40,
            "stopSequences": ["END"],
            "seed": 7,
            "presencePenalty": 0.25,
            "frequencyPenalty": -0.5,
        },
        (),
    )
    assert config(sampling=Sampling(presence_penalty=0.0, frequency_penalty=0)) == (None, ())
    assert config(default_max_tokens=77) == ({"maxOutputTokens": 77}, ())
    assert config(default_max_tokens=77, sampling=Sampling(max_tokens=5)) == ({"maxOutputTokens": 5}, ())


def test_five_stops_at_most() -> None:
    assert config(sampling=Sampling(stop=tuple("abcdef"))) == ({"stopSequences": list("abcde")}, ("stop",))
    assert config(sampling=Sampling(stop=tuple("abcde"))) == ({"stopSequences": list("abcde")}, ())


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (Reasoning(effort="minimal"), {"thinkingBudget": 512}),
        (Reasoning(effort="low"), {"thinkingBudget": 1024}),
        (Reasoning(effort="medium"), {"thinkingBudget": 8192}),
        (Reasoning(effort="high", summary=True), {"thinkingBudget": 24576, "includeThoughts": True}),
        (Reasoning(effort="xhigh", summary=False), {"thinkingBudget": 32768, "includeThoughts": False}),
        (Reasoning(budget=2000), {"thinkingBudget": 2000}),
        (Reasoning(off=True), {"thinkingBudget": 0}),
        (Reasoning(summary=True), {"includeThoughts": True}),
        (Reasoning(), None),
    ],
)
def test_reasoning(wanted: Reasoning, written: Any) -> None:
    found, dropped = config(reasoning=wanted)
    assert found == (written and {"thinkingConfig": written})
    assert dropped == ()


def test_response_formats() -> None:
    assert config(response_format=ResponseFormat()) == ({"responseMimeType": "application/json"}, ())
    named = ResponseFormat(schema=SCHEMA, name="place", description="d", strict=True)
    assert config(response_format=named) == (
        {"responseMimeType": "application/json", "responseJsonSchema": json.loads(bytes(SCHEMA))},
        ("response_format.description",),
    )


def test_logprobs() -> None:
    assert config(logprobs=Logprobs(top=3)) == ({"responseLogprobs": True, "logprobs": 3}, ())
    assert config(logprobs=Logprobs()) == ({"responseLogprobs": True}, ())


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"tools": (Tool("f", strict=True),)}, "strict"),
        ({"tools": (Tool("f", cache="5m"),)}, "cache_control"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"sampling": Sampling(logit_bias=msgspec.Raw(b'{"1":2}'))}, "logit_bias"),
        ({"user": "u"}, "user"),
        ({"metadata": msgspec.Raw(b'{"a":"b"}')}, "metadata"),
        ({"service_tier": "scale"}, "service_tier"),
        ({"verbosity": "low"}, "verbosity"),
    ],
)
def test_what_is_dropped_and_named(more: dict[str, Any], name: str) -> None:
    assert write(**more)[1] == (name,)


@pytest.mark.parametrize(
    "more",
    [{"parallel_tool_calls": True}, {"service_tier": "auto"}, {"tools": (Tool("f", strict=False),)}],
)
def test_what_says_nothing_is_not_named(more: dict[str, Any]) -> None:
    assert write(**more)[1] == ()


@pytest.mark.parametrize(("tier", "written"), [("default", "standard"), ("flex", "flex"), ("priority", "priority")])
def test_service_tiers(tier: str, written: str) -> None:
    body, dropped, _ = write(service_tier=tier)
    assert (body["serviceTier"], dropped) == (written, ())
    assert "serviceTier" not in write(service_tier="auto")[0]


def test_citations_of_earlier_answers_stay_behind() -> None:
    body, dropped, _ = write(user(), model(Text("x", (Citation(url="https://x.example"),))))
    assert (body["contents"][1]["parts"], dropped) == ([{"text": "x"}], ("citations",))
