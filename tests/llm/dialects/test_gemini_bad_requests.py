"""generateContent requests that cannot be read: a 400 that names the field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.dialects.gemini import GRAMMAR
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.gemini_wire import HELLO, LOOK, model, read, turns, user


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hello"}, "contents"),
        ({"contents": ["hello"]}, "contents[0]"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [user({"text": 5})]}, "contents[0].parts[0].text"),
        ({"contents": [user({})]}, "contents[0].parts[0]"),
        ({"contents": [user({"hologram": {}})]}, "contents[0].parts[0]"),
        ({"contents": [user({"functionCall": {"name": "f"}})]}, "contents[0].parts[0]"),
        ({"contents": [user({"inlineData": {"data": "x"}})]}, "contents[0].parts[0].inlineData.mimeType"),
        (
            {"contents": [user({"inline_data": {"mime_type": "video/mp4", "data": "x"}})]},
            "contents[0].parts[0].inlineData.mimeType",
        ),
        ({"contents": [user({"fileData": {"fileUri": "gs://b/o.png"}})]}, "contents[0].parts[0].fileData.fileUri"),
        (
            {
                "contents": [
                    user(
                        {
                            "fileData": {
                                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a",
                                "mimeType": "image/png",
                            }
                        }
                    )
                ]
            },
            "contents[0].parts[0].fileData.fileUri",
        ),
        (
            {"contents": [user({"fileData": {"fileUri": "https://x.example/a"}})]},
            "contents[0].parts[0].fileData.mimeType",
        ),
        ({"contents": [user({"fileData": {"fileUri": "https://[x"}})]}, "contents[0].parts[0].fileData.mimeType"),
        (
            {"contents": [user({"functionResponse": {"name": "f", "response": {}}})]},
            "contents[0].parts[0].functionResponse.name",
        ),
        (
            {
                "contents": [
                    model({"functionCall": {"name": "f"}}),
                    user({"functionResponse": {"name": "f", "response": 5}}),
                ]
            },
            "contents[1].parts[0].functionResponse.response",
        ),
        (
            {
                "contents": [
                    model({"functionCall": {"name": "f"}}),
                    user({"functionResponse": {"name": "f", "response": {}, "parts": [{"text": "x"}]}}),
                ]
            },
            "contents[1].parts[0].functionResponse.parts[0]",
        ),
        ({"contents": [model({"functionCall": {"args": {}}})]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [model({"functionCall": {"name": "f", "args": []}})]}, "contents[0].parts[0].functionCall.args"),
        (
            {"contents": [model({"inlineData": {"mimeType": "image/png", "data": "x"}})]},
            "contents[0].parts[0].inlineData",
        ),
        ({**HELLO, "systemInstruction": "x"}, "systemInstruction"),
        ({**HELLO, "systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction.parts[0].text"),
        ({**HELLO, "cachedContent": "cachedContents/x"}, "cachedContent"),
        ({**HELLO, "cached_content": "cachedContents/x"}, "cachedContent"),
        ({**HELLO, "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({**HELLO, "generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        ({**HELLO, "generationConfig": {"max_output_tokens": "9"}}, "generationConfig.maxOutputTokens"),
        ({**HELLO, "generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences[0]"),
        ({**HELLO, "generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({**HELLO, "generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
        ({**HELLO, "generationConfig": {"responseSchema": 5}}, "generationConfig.responseSchema"),
        ({**HELLO, "generationConfig": {"responseJsonSchema": []}}, "generationConfig.responseJsonSchema"),
        (
            {**HELLO, "generationConfig": {"thinkingConfig": {"thinkingLevel": "DEEP"}}},
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        ({**HELLO, "tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {**HELLO, "tools": [LOOK], "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            {**HELLO, "tools": [{"googleSearch": {}}], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            {
                **HELLO,
                "tools": [LOOK],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["no"]}},
            },
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
        ({**HELLO, "serviceTier": "gold"}, "serviceTier"),
    ],
)
def test_a_request_that_cannot_be_read_names_its_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert caught.value.param == param
    assert param in caught.value.message


@pytest.mark.parametrize(
    "part",
    [
        b'{"text":"\\ud800"}',
        b'{"text":"\xff"}',
        b'{"functionCall":{"name":"f","args":{"a":"\xff"}}}',
        b'{"functionCall":{"name":"f","args":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}}",
    ],
)
def test_text_that_is_no_text_and_depth_without_end(part: bytes) -> None:
    fields = {"contents": msgspec.Raw(b'[{"role":"model","parts":[' + part + b"]}]")}
    with pytest.raises(InvalidRequest):
        GRAMMAR.read_request(Request(dialect="gemini", model="m", fields=fields))


def test_a_schema_of_any_depth() -> None:
    raw = b'{"items":' * 600 + b"{}" + b"}" * 600
    config = msgspec.Raw(b'{"responseSchema":' + raw + b"}")
    fields = {"contents": msgspec.Raw(b'[{"parts":[{"text":"x"}]}]'), "generationConfig": config}
    with pytest.raises(InvalidRequest) as caught:
        GRAMMAR.read_request(Request(dialect="gemini", model="m", fields=fields))
    assert caught.value.param == "generationConfig.responseSchema"


def test_many_results_take_no_time_to_speak_of() -> None:
    calls = [{"functionCall": {"name": "f", "id": f"c{n}"}} for n in range(30_000)]
    answers = [{"functionResponse": {"name": "f", "id": f"c{n}", "response": {}}} for n in reversed(range(30_000))]
    assert len(turns(model(*calls), user(*answers))[1].parts) == 30_000
