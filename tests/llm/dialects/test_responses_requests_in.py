"""Responses requests, read into the hub's words."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from llm.dialects.hub import GRAMMARS, passthrough_request, translate_request
from llm.dialects.neutral import (
    Audio,
    Citation,
    Conversation,
    Document,
    Image,
    Logprobs,
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
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC, OPENAI
from tests.llm.dialects.responses_wire import RESPONSES, read

USER = {"role": "user", "content": "Hello"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{ "at":1.0}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
PNG = "data:image/png;base64,iVBORw=="


def turns(*items: dict[str, Any]) -> tuple[Turn, ...]:
    return read({"input": list(items)}).turns


def user_part(part: dict[str, Any]) -> Any:
    ((read_part,),) = [turn.parts for turn in turns({"role": "user", "content": [part]})]
    return read_part


def test_a_text_alone() -> None:
    conversation = read({})
    assert conversation == Conversation((Turn("user", (Text("Hello"),)),))
    assert read({}, stream=True).stream


def test_instructions_lead() -> None:
    assert read({"instructions": "Be brief."}).turns == (Turn("system", (Text("Be brief."),)), *read({}).turns)
    assert read({"instructions": None}).turns == read({"instructions": ""}).turns == read({}).turns


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
def test_messages_in_both_forms(role: Any) -> None:
    word = "output_text" if role == "assistant" else "input_text"
    for message in (
        {"role": role, "content": "Hi"},
        {"type": "message", "role": role, "content": [{"type": word, "text": "Hi"}]},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": role,
            "content": [{"type": "input_text", "text": "Hi"}],
        },
    ):
        assert turns(message) == (Turn(role, (Text("Hi"),)),)


def test_what_the_model_gave_is_one_turn() -> None:
    """As the client sends an answer's output back, with the results behind it."""
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {
                "type": "output_text",
                "text": "Hm.",
                "logprobs": [],
                "annotations": [
                    {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
                ],
            },
            {"type": "refusal", "refusal": "No."},
        ],
    }
    second, other = {**CALL, "call_id": "c2"}, {**RESULT, "call_id": "c2"}
    assert turns(USER, message, CALL, second, RESULT, other, USER, USER) == (
        Turn("user", (Text("Hello"),)),
        Turn(
            "assistant",
            (
                Text("Hm.", (Citation("https://a.example", "A", None, 0, 2),)),
                Refusal("No."),
                ToolCall("c1", "look", '{ "at":1.0}'),
                ToolCall("c2", "look", '{ "at":1.0}'),
            ),
        ),
        Turn("user", (ToolResult("c1", (Text("sunny"),)), ToolResult("c2", (Text("sunny"),)))),
        Turn("user", (Text("Hello"),)),
        Turn("user", (Text("Hello"),)),
    )


def test_parallel_calls_reach_chat_as_one_message() -> None:
    asked = request(RESPONSES, {"model": "m", "input": [USER, CALL, {**CALL, "call_id": "c2"}, RESULT]})
    body, _ = translate_request(asked, OPENAI, model="m", default_max_tokens=None)
    messages = msgspec.json.decode(msgspec.json.encode(body["messages"]))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["c1", "c2"]


def test_a_message_of_nothing_is_no_turn() -> None:
    assert turns(USER, {"role": "user", "content": []}, {"type": "reasoning", "summary": []}) == turns(USER)


def test_a_call_without_arguments() -> None:
    assert turns({**CALL, "arguments": ""})[0].parts == (ToolCall("c1", "look", "{}"),)


def test_results_in_both_forms() -> None:
    output = [
        {"type": "input_text", "text": "seen"},
        {"type": "input_image", "image_url": PNG, "detail": "low"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
    ]
    assert turns({**RESULT, "output": output})[0].parts == (
        ToolResult(
            "c1",
            (
                Text("seen"),
                Image(media_type="image/png", data="iVBORw==", detail="low"),
                Document(url="https://x.example/a.pdf"),
            ),
        ),
    )
    assert turns({**RESULT, "output": ""})[0].parts == (ToolResult("c1", ()),)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_text", "text": "x"}, Text("x")),
        ({"type": "input_image", "image_url": "https://x.example/a"}, Image(url="https://x.example/a")),
        (
            {"type": "input_image", "image_url": PNG, "detail": "original", "file_id": None},
            Image(media_type="image/png", data="iVBORw==", detail="original"),
        ),
        ({"type": "input_image", "image_url": PNG, "detail": "auto"}, Image(media_type="image/png", data="iVBORw==")),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            Document(media_type="application/pdf", data="JVBE", title="a.pdf"),
        ),
        (
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGk="},
            Document(media_type="text/plain", data="aGk=", title="a.txt"),
        ),
        ({"type": "input_file", "file_url": "https://x.example/a.pdf"}, Document(url="https://x.example/a.pdf")),
        ({"type": "input_audio", "input_audio": {"format": "mp3", "data": "SUQz"}}, Audio("audio/mpeg", "SUQz")),
    ],
)
def test_what_users_send(part: dict[str, Any], expected: Any) -> None:
    assert user_part(part) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"summary": [{"type": "summary_text", "text": "a"}, {"text": "b"}]}, (Thinking("a\n\nb"),)),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]}, (Thinking("raw"),)),
        ({"summary": [{"text": "a"}], "encrypted_content": "enc"}, (Thinking("a", "rs_1:enc", RESPONSES),)),
        ({"summary": [], "encrypted_content": "enc"}, (RedactedThinking("rs_1:enc", RESPONSES),)),
        (
            {"summary": [{"text": "a"}], "encrypted_content": "gw1.anthropic_messages.s=="},
            (Thinking("a", "s==", ANTHROPIC),),
        ),
        (
            {"summary": [], "encrypted_content": "gw1.anthropic_messages.redacted:d=="},
            (RedactedThinking("d==", ANTHROPIC),),
        ),
        ({"summary": [], "encrypted_content": "gw1.gemini.s=="}, (Thinking("", "s==", "gemini"),)),
        ({"summary": [], "encrypted_content": None, "status": "completed"}, ()),
    ],
)
def test_reasoning_items(item: dict[str, Any], expected: Any) -> None:
    """One without anything in it was kept at OpenAI: nothing is left of it."""
    read_turns = turns(USER, {"type": "reasoning", "id": "rs_1", **item}, CALL)
    assert read_turns[1].parts == (*expected, ToolCall("c1", "look", '{ "at":1.0}'))
    assert read({"input": [USER, {"type": "reasoning", "id": "rs_1", **item}]}).lost == ()


def test_what_openai_ran_itself_is_named() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    conversation = read({"input": [USER, search, {"role": "assistant", "content": "Found.", "phase": "final_answer"}]})
    assert conversation.turns[1] == Turn("assistant", (Text("Found."),))
    assert conversation.lost == ("input.web_search_call", "phase")


def test_tools() -> None:
    conversation = read({"tools": [LOOK, {**LOOK, "name": "time", "parameters": None, "strict": True}]})
    assert conversation.tools == (
        Tool("look", "Looks.", msgspec.Raw(b'{"type":"object"}')),
        Tool("time", "Looks.", None, True),
    )
    assert conversation.tool_choice is None and conversation.lost == ()


def test_tools_of_openai_are_named() -> None:
    conversation = read(
        {"tools": [{"type": "web_search"}, LOOK, {"type": "code_interpreter", "container": {"type": "auto"}}]}
    )
    assert [tool.name for tool in conversation.tools] == ["look"]
    assert conversation.lost == ("tools.web_search", "tools.code_interpreter")


@pytest.mark.parametrize(
    ("choice", "expected", "left"),
    [
        ("auto", ToolChoice("auto"), ["look", "time"]),
        ("none", ToolChoice("none"), ["look", "time"]),
        ("required", ToolChoice("required"), ["look", "time"]),
        ({"type": "function", "name": "time"}, ToolChoice("named", "time"), ["look", "time"]),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "time"}]},
            ToolChoice("auto"),
            ["time"],
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]},
            ToolChoice("required"),
            ["look"],
        ),
    ],
)
def test_tool_choice(choice: Any, expected: ToolChoice, left: list[str]) -> None:
    conversation = read({"tools": [LOOK, {**LOOK, "name": "time"}], "tool_choice": choice})
    assert conversation.tool_choice == expected
    assert [tool.name for tool in conversation.tools] == left


def test_an_allowed_tool_of_openai_is_named() -> None:
    allowed = [{"type": "web_search"}, {"type": "function", "name": "look"}]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": allowed}
    assert read({"tools": [LOOK], "tool_choice": choice}).lost == ("tools.web_search",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"effort": None}, None),
        ({"effort": "none"}, Reasoning(off=True)),
        ({"effort": "minimal"}, Reasoning("minimal")),
        ({"effort": "xhigh", "summary": "auto"}, Reasoning("xhigh", summary=True)),
        ({"effort": "max"}, Reasoning("xhigh")),
        ({"summary": "detailed"}, Reasoning(summary=True)),
        ({"generate_summary": "concise"}, Reasoning(summary=True)),
    ],
)
def test_reasoning(said: dict[str, Any], expected: Reasoning | None) -> None:
    assert read({"reasoning": said}).reasoning == expected


def test_the_form_of_the_answer() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}
    assert read({"text": {"format": schema}}).response_format == ResponseFormat(
        msgspec.Raw(b'{"type":"object"}'), "n", "d", True
    )
    assert read({"text": {"format": {"type": "json_object"}}}).response_format == ResponseFormat()
    assert read({"text": {"format": {"type": "text"}, "verbosity": "low"}}).response_format is None
    assert read({"text": {"verbosity": "low"}}).verbosity == "low"


def test_sampling_and_names() -> None:
    conversation = read(
        {
            "max_output_tokens": 50,
            "temperature": 1.5,
            "top_p": 0.5,
            "parallel_tool_calls": False,
            "user": "u",
            "metadata": {"a": "b"},
            "service_tier": "flex",
        }
    )
    assert conversation.sampling == Sampling(max_tokens=50, temperature=1.5, top_p=0.5)
    assert conversation.parallel_tool_calls is False
    assert (conversation.user, conversation.service_tier) == ("u", "flex")
    assert conversation.metadata == msgspec.Raw(b'{"a":"b"}')
    assert conversation.lost == ()
    assert read({"safety_identifier": "s"}).user == "s"
    assert read({"service_tier": "fast"}).service_tier == "priority"


def test_logprobs() -> None:
    include = ["message.output_text.logprobs", "reasoning.encrypted_content"]
    assert read({"include": include, "top_logprobs": 3}).logprobs == Logprobs(3)
    assert read({"include": include}).logprobs == Logprobs(0)
    assert read({"include": [], "top_logprobs": 3}).logprobs is None


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"store": True}, ("store",)),
        ({"store": False}, ()),
        ({"truncation": "auto"}, ("truncation",)),
        ({"truncation": "disabled"}, ()),
        ({"background": False}, ()),
        ({"conversation": None, "previous_response_id": None, "prompt": None}, ()),
        ({"stream_options": {"include_obfuscation": False}}, ()),
        ({"include": ["web_search_call.action.sources"]}, ("include.web_search_call.action.sources",)),
        ({"max_tool_calls": 3, "prompt_cache_key": "k"}, ("max_tool_calls", "prompt_cache_key")),
        ({"service_tier": "ultrafast"}, ("service_tier",)),
        ({"reasoning": {"context": "all_turns"}}, ("context",)),
        (
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_file", "file_url": "https://x.example/a.pdf", "detail": "low"}],
                    }
                ]
            },
            ("detail",),
        ),
        ({"novelty": 1}, ("novelty",)),
    ],
)
def test_what_is_named_as_lost(said: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert read(said).lost == lost


def test_within_the_dialect_everything_passes() -> None:
    body = {"model": "m", "input": [{"type": "item_reference", "id": "x"}], "previous_response_id": "r", "novelty": {}}
    passed = passthrough_request(request(RESPONSES, body, stream=True), model="gpt-x")
    assert json.loads(msgspec.json.encode(passed)) == {**body, "model": "gpt-x"}


def test_a_text_document_says_the_same_everywhere() -> None:
    data = base64.b64encode("Grüße".encode()).decode()
    part = {"type": "input_file", "filename": "a.txt", "file_data": f"data:text/plain;base64,{data}"}
    conversation = read({"input": [{"role": "user", "content": [part]}]})
    body, _ = GRAMMARS[RESPONSES].write_request(conversation, default_max_tokens=None)
    (message,) = msgspec.json.decode(msgspec.json.encode(body["input"]))
    assert message["content"] == [{"type": "input_text", "text": "a.txt:\n\nGrüße"}]
