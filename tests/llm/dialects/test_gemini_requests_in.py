"""generateContent requests, read into the hub's words."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from llm.dialects.gemini import GRAMMAR, upstream_body
from llm.dialects.neutral import (
    Audio,
    Conversation,
    Document,
    Image,
    Logprobs,
    Reasoning,
    RedactedThinking,
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
from llm.spec import Request
from tests.llm.dialects.gemini_wire import HELLO, LOOK, model, read, turns, user


def test_the_least() -> None:
    assert read(HELLO, stream=True) == Conversation(turns=(Turn("user", (Text("Hello"),)),), stream=True)


def test_one_object_is_a_list_of_one_and_a_role_is_users() -> None:
    body = {"contents": {"parts": {"text": "Hello"}}, "system_instruction": {"parts": {"text": "Be brief."}}}
    assert read(body).turns == (Turn("system", (Text("Be brief."),)), Turn("user", (Text("Hello"),)))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"inlineData": {"mimeType": "image/PNG", "data": "a-_="}}, Image(media_type="image/png", data="a+/=")),
        ({"inline_data": {"mime_type": "audio/wav", "data": "d2F2"}}, Audio("audio/wav", "d2F2")),
        (
            {"inlineData": {"mimeType": "application/pdf", "data": "cA==", "displayName": "p.pdf"}},
            Document(media_type="application/pdf", data="cA==", title="p.pdf"),
        ),
        ({"inlineData": {"mimeType": "text/csv", "data": "YQ=="}}, Document(media_type="text/plain", data="YQ==")),
        (
            {"inlineData": {"mimeType": "application/json", "data": "e30="}},
            Document(media_type="text/plain", data="e30="),
        ),
        ({"fileData": {"fileUri": "https://x.example/a.webp"}}, Image(url="https://x.example/a.webp")),
        ({"fileData": {"fileUri": "http://x.example/a", "mimeType": "image/gif"}}, Image(url="http://x.example/a")),
        (
            {"file_data": {"file_uri": "https://x.example/a", "mime_type": "application/pdf"}},
            Document(url="https://x.example/a", media_type="application/pdf"),
        ),
    ],
)
def test_media(part: Any, expected: Any) -> None:
    assert turns(user({"text": "See:"}, part)) == (Turn("user", (Text("See:"), expected)),)


def test_calls_and_results_by_id_and_by_order() -> None:
    found = turns(
        user({"text": "go"}),
        model(
            {"functionCall": {"name": "look", "args": {"at": 1.0}}},
            {"functionCall": {"name": "now"}},
            {"functionCall": {"name": "look", "args": {"at": 2}}},
            {"function_call": {"id": "fc_7", "name": "look", "args": {}}},
        ),
        user(
            {"functionResponse": {"name": "now", "response": {"output": "noon"}}},
            {"functionResponse": {"id": "fc_7", "name": "look", "response": {"result": {"n": 1}}}},
            {"functionResponse": {"name": "look", "response": {"error": "dark"}}},
        ),
        {"role": "function", "parts": [{"function_response": {"name": "look", "response": {"a": 1, "b": [2]}}}]},
    )
    assert found[1].parts == (
        ToolCall("call_1", "look", '{"at":1.0}'),
        ToolCall("call_2", "now", "{}"),
        ToolCall("call_3", "look", '{"at":2}'),
        ToolCall("fc_7", "look", "{}"),
    )
    assert found[2].parts == (
        ToolResult("call_2", (Text("noon"),)),
        ToolResult("fc_7", (Text('{"n":1}'),)),
        ToolResult("call_1", (Text("dark"),), is_error=True),
    )
    assert found[3] == Turn("user", (ToolResult("call_3", (Text('{"a":1,"b":[2]}'),)),))


def test_a_result_with_files_and_one_with_nothing() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aQ=="}}
    answers = [
        {"functionResponse": {"name": "look", "response": {"result": ""}, "parts": [picture]}},
        {"functionResponse": {"name": "now", "willContinue": False}},
    ]
    found = turns(model({"functionCall": {"name": "look"}}, {"functionCall": {"name": "now"}}), user(*answers))
    assert found[1].parts == (
        ToolResult("call_1", (Image(media_type="image/png", data="aQ=="),)),
        ToolResult("call_2", ()),
    )


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"text": "hm", "thought": True}, (Thinking("hm"),)),
        ({"text": "hm", "thought": True, "thoughtSignature": "Cg+/"}, (Thinking("hm", "Cg+/", "gemini"),)),
        ({"text": "x", "thought_signature": "Cg=="}, (Thinking("", "Cg==", "gemini"), Text("x"))),
        ({"text": "", "thoughtSignature": "Cg=="}, (Thinking("", "Cg==", "gemini"),)),
        ({"text": ""}, ()),
        (
            {"functionCall": {"id": "c", "name": "f"}, "thoughtSignature": "not base64!"},
            (Thinking("", "not base64!", "gemini"), ToolCall("c", "f", "{}")),
        ),
        (
            {"text": "hm", "thought": True, "thoughtSignature": b64("gw1.anthropic_messages.EqQ?>==")},
            (Thinking("hm", "EqQ?>==", "anthropic_messages"),),
        ),
        (
            {"thought": True, "thoughtSignature": b64("gw1.anthropic_messages.redacted:EmwK")},
            (RedactedThinking("EmwK", "anthropic_messages"),),
        ),
        (
            {"text": "", "thought": True, "thoughtSignature": "gw1.openai_responses.gAAA"},
            (Thinking("", "gAAA", "openai_responses"),),
        ),
    ],
)
def test_thoughts_and_signatures(part: Any, expected: Any) -> None:
    assert turns(model(part)) == (Turn("assistant", expected),)


def test_sampling_in_both_spellings() -> None:
    camel = {
        "maxOutputTokens": 9,
        "temperature": 1.5,
        "topP": 0.5,
        "topK": 40.0,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": 1,
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 4,
    }
    snake = {
        "max_output_tokens": 9,
        "temperature": 1.5,
        "top_p": 0.5,
        "top_k": 40,
        "stop_sequences": ["a", "b"],
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 1,
        "candidate_count": 2,
        "response_logprobs": True,
        "logprobs": 4,
    }
    expected = Sampling(9, 1.5, 0.5, 40, ("a", "b"), 7, 0.5, 1.0, 2)
    for body in ({"generationConfig": camel}, {"generation_config": snake}):
        found = read({**HELLO, **body})
        assert (found.sampling, found.logprobs, found.lost) == (expected, Logprobs(4), ())


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"thinkingBudget": 0}, Reasoning(off=True)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(summary=True)),
        ({"thinking_budget": 2048, "include_thoughts": False}, Reasoning(budget=2048, summary=False)),
        ({"thinkingLevel": "LOW"}, Reasoning(effort="low")),
        ({"thinking_level": "xhigh"}, Reasoning(effort="xhigh")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Reasoning()),
    ],
)
def test_reasoning(thinking: Any, expected: Reasoning) -> None:
    assert read({**HELLO, "generationConfig": {"thinkingConfig": thinking}}).reasoning == expected


OPENAPI = {
    "type": "OBJECT",
    "description": "TYPE stays",
    "properties": {
        "type": {"type": "STRING", "format": "enum", "enum": ["A", "B"], "nullable": True},
        "many": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "minItems": "1", "max_items": "9"},
        "either": {"anyOf": [{"type": "STRING"}, {"type": "NULL"}]},
        "snake_case": {"type": "NUMBER", "example": 1, "nullable": True},
    },
    "required": ["type"],
    "propertyOrdering": ["type", "many"],
}
JSON_SCHEMA = {
    "type": "object",
    "description": "TYPE stays",
    "properties": {
        "type": {"type": ["string", "null"], "enum": ["A", "B", None]},
        "many": {"type": "array", "items": {"type": "integer", "format": "int32"}, "minItems": 1, "maxItems": 9},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "snake_case": {"type": ["number", "null"]},
    },
    "required": ["type"],
}


def decoded(raw: msgspec.Raw | None) -> Any:
    assert raw is not None
    return json.loads(bytes(raw))


def test_geminis_own_schemas_become_json_schemas() -> None:
    declaration = {"name": "look", "description": "Looks.", "parameters": OPENAPI}
    config = {"responseMimeType": "application/json", "responseSchema": OPENAPI}
    found = read({**HELLO, "tools": {"function_declarations": [declaration]}, "generationConfig": config})
    assert found.response_format is not None
    assert decoded(found.response_format.schema) == decoded(found.tools[0].schema) == JSON_SCHEMA
    assert found.lost == ()


@pytest.mark.parametrize("name", ["responseJsonSchema", "response_json_schema", "_responseJsonSchema"])
def test_json_schemas_stand_as_they_came(name: str) -> None:
    raw = msgspec.Raw(b'{ "type":"object", "x_y":1.0 }')
    tool = b'[{"functionDeclarations":[{"name":"f","parametersJsonSchema":' + bytes(raw) + b"}]}]"
    fields = {
        "contents": msgspec.Raw(msgspec.json.encode(HELLO["contents"])),
        "generationConfig": msgspec.Raw(b'{"' + name.encode() + b'":' + bytes(raw) + b"}"),
        "tools": msgspec.Raw(tool),
    }
    found = GRAMMAR.read_request(Request(dialect="gemini", model="m", fields=fields))
    assert found.response_format is not None
    assert bytes(found.response_format.schema or b"") == bytes(found.tools[0].schema or b"") == bytes(raw)


def test_response_formats() -> None:
    def found(**config: Any) -> ResponseFormat | None:
        return read({**HELLO, "generationConfig": config}).response_format

    assert found(responseMimeType="application/json") == ResponseFormat()
    assert found(responseMimeType="text/plain") is None


@pytest.mark.parametrize(
    ("calling", "choice", "names"),
    [
        (None, None, ["look", "now"]),
        ({"mode": "MODE_UNSPECIFIED"}, None, ["look", "now"]),
        ({"mode": "AUTO"}, ToolChoice("auto"), ["look", "now"]),
        ({"mode": "none"}, ToolChoice("none"), ["look", "now"]),
        ({"mode": "ANY"}, ToolChoice("required"), ["look", "now"]),
        ({"mode": "ANY", "allowed_function_names": ["now"]}, ToolChoice("named", "now"), ["look", "now"]),
        ({"mode": "ANY", "allowedFunctionNames": ["now", "look"]}, ToolChoice("required"), ["look", "now"]),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["now"]}, ToolChoice("auto"), ["now"]),
    ],
)
def test_tools_and_choices(calling: Any, choice: ToolChoice | None, names: list[str]) -> None:
    config = {} if calling is None else {"toolConfig": {"functionCallingConfig": calling}}
    found = read({**HELLO, "tools": [LOOK], **config})
    assert (found.tool_choice, [tool.name for tool in found.tools]) == (choice, names)
    assert found.tools[-1] == Tool("now")
    assert found.lost == ()


@pytest.mark.parametrize(("tier", "expected"), [("standard", "default"), ("FLEX", "flex"), ("unspecified", None)])
def test_service_tiers(tier: str, expected: str | None) -> None:
    assert read({**HELLO, "serviceTier": tier}).service_tier == expected


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        ({"safetySettings": [{"category": "x", "threshold": "BLOCK_NONE"}]}, ("safetySettings",)),
        ({"safety_settings": [{"category": "x"}]}, ("safetySettings",)),
        ({"tools": [{"googleSearch": {}}, {"code_execution": {}}]}, ("tools.googleSearch", "tools.codeExecution")),
        ({"tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]}, ("behavior",)),
        ({"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}, ("retrievalConfig",)),
        ({"labels": {"a": "b"}, "store": True}, ("store", "labels")),
        ({"store": False, "labels": {}}, ()),
        ({"generationConfig": {"mediaResolution": "LOW", "responseModalities": ["TEXT"]}}, ("mediaResolution",)),
        ({"contents": [user({"text": "x", "videoMetadata": {"fps": 1}})]}, ("videoMetadata",)),
        (
            {"contents": [model({"executableCode": {"code": "1"}}, {"toolCall": {"id": "s"}}, {"text": "x"})]},
            ("executableCode", "toolCall"),
        ),
    ],
)
def test_what_cannot_be_held_is_named(more: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert read({**HELLO, **more}).lost == lost


def test_passing_through_touches_nothing_but_says_whether_to_stream() -> None:
    spaced = msgspec.Raw(b'[ {"parts" : [{"text":"x", "novel": 1.0}]} ]')
    asked = Request(dialect="gemini", model="m", fields={"contents": spaced, "novel": msgspec.Raw(b"{ }")}, stream=True)
    assert upstream_body(asked) == {**asked.fields, "stream": True}
    assert asked.fields.keys() == {"contents", "novel"}
