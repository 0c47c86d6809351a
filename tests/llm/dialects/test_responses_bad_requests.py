"""Responses requests that cannot be served by another dialect: a 400 that names the field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import GRAMMARS, translate_request
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC
from tests.llm.dialects.responses_wire import RESPONSES, read

USER = {"role": "user", "content": "Hello"}
LOOK = {"type": "function", "name": "look"}


def content(**part: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [USER, {"role": "user", "content": [{}]}]}, "input[1].content[0].type"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c"}]}, "input[0].type"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].type"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_audio"}]}]},
            "input[0].output[0].type",
        ),
        ({"input": [{"type": "reasoning", "summary": [{}]}]}, "input[0].summary[0].text"),
        ({"input": [{"type": "reasoning", "summary": "x"}]}, "input[0].summary"),
        ({"input": [{"role": "system", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        (content(type="output_text", text="x"), "input[0].content[0].type"),
        (content(type="input_text"), "input[0].content[0].text"),
        (content(type="input_image", file_id="file-1"), "input[0].content[0].file_id"),
        (content(type="input_image"), "input[0].content[0].image_url"),
        (content(type="input_image", image_url="ftp://x"), "input[0].content[0].image_url"),
        (content(type="input_image", image_url="https://x", detail="huge"), "input[0].content[0].detail"),
        (content(type="input_file", file_id="file-1"), "input[0].content[0].file_id"),
        (content(type="input_file", file_url="file:///x"), "input[0].content[0].file_url"),
        (content(type="input_file", file_data="JVBE"), "input[0].content[0].file_data"),
        (content(type="input_file"), "input[0].content[0].file_data"),
        (
            content(type="input_audio", input_audio={"format": "flac", "data": "x"}),
            "input[0].content[0].input_audio.format",
        ),
        ({"instructions": ["x"]}, "instructions"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "nested"}}]}, "tools[0].name"),
        ({"tools": [{**LOOK, "parameters": []}]}, "tools[0].parameters"),
        ({"tools": [LOOK], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [LOOK], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice"),
        ({"tools": [LOOK], "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tools": [LOOK, {"type": "web_search"}], "tool_choice": {"type": "web_search_preview"}}, "tool_choice"),
        ({"tools": [LOOK], "tool_choice": {"type": "custom", "name": "x"}}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [LOOK], "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}},
            "tool_choice",
        ),
        (
            {"tools": [LOOK], "tool_choice": {"type": "allowed_tools", "mode": "some", "tools": []}},
            "tool_choice.mode",
        ),
        (
            {
                "tools": [LOOK],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "other"}],
                },
            },
            "tool_choice.tools[0].name",
        ),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"verbosity": "chatty"}}, "text.verbosity"),
        ({"reasoning": {"effort": "hard"}}, "reasoning.effort"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"include": "x"}, "include"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"store": "no"}, "store"),
    ],
)
def test_a_request_that_cannot_be_read_names_its_field(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert (caught.value.param or "").removesuffix("[...]") == param
    assert param in caught.value.message


def test_state_is_kept_by_providers_with_this_api_only() -> None:
    with pytest.raises(InvalidRequest, match="only a provider with the Responses API keeps state"):
        read({"previous_response_id": "resp_1"})


def test_what_another_dialect_refuses_is_named_as_the_caller_wrote_it() -> None:
    sound = {"type": "input_audio", "input_audio": {"format": "wav", "data": "UklG"}}
    asked = request(RESPONSES, {"model": "m", "input": [{"role": "user", "content": [sound]}]})
    with pytest.raises(InvalidRequest) as caught:
        translate_request(asked, ANTHROPIC, model="m", default_max_tokens=None)
    assert (caught.value.param or "").startswith("input")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "user",
        "assistant",
        "input_text",
        "input_image",
        "input_file",
        "output_text",
        "function",
        "allowed_tools",
        "json_schema",
        "auto",
        "item_reference",
    ]
)
NAMES = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "call_id",
        "name",
        "arguments",
        "output",
        "summary",
        "encrypted_content",
        "image_url",
        "file_data",
        "annotations",
        "tools",
        "mode",
        "format",
        "schema",
        "effort",
        "detail",
    ]
)
NEARLY: Any = st.recursive(
    WORDS | JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
FIELDS = st.sampled_from(
    [
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "include",
        "metadata",
        "temperature",
        "max_output_tokens",
        "top_logprobs",
        "store",
        "truncation",
        "service_tier",
        "user",
        "background",
        "prompt",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(FIELDS, NEARLY, max_size=6))
def test_any_json_is_read_or_refused_by_name(body: dict[str, Any]) -> None:
    try:
        conversation = read(body)
    except InvalidRequest as error:
        assert error.param and error.status == 400
        return
    try:
        GRAMMARS[RESPONSES].write_request(conversation, default_max_tokens=5)
    except InvalidRequest as error:
        assert error.param


@pytest.mark.parametrize(
    "item",
    [
        b'{"role":"user","content":"\\ud800"}',
        b'{"role":"user","content":"\xff"}',
        b'{"type":"reasoning","summary":' + b'[{"text":' * 3000 + b"1" + b"}]" * 3000 + b"}",
    ],
)
def test_text_that_is_no_text_and_depth_without_end(item: bytes) -> None:
    fields = {"input": msgspec.Raw(b"[" + item + b"]")}
    with pytest.raises(InvalidRequest):
        GRAMMARS[RESPONSES].read_request(Request(dialect=RESPONSES, model="m", fields=fields))
