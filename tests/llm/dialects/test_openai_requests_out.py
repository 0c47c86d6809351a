"""The hub's conversation, written as a chat completions request: every feature that the table names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from llm.dialects.media import document_of_text
from llm.dialects.neutral import (
    Audio,
    CacheMark,
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
from llm.dialects.openai_chat import GRAMMAR
from llm.errors import InvalidRequest

HELLO = Turn("user", (Text("Hello"),))
PARAMS: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
PDF = Document(media_type="application/pdf", data="JVBERi0=", title="a.pdf")


def write(conversation: Conversation, default_max_tokens: int | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body as OpenAI's client has it, all its types looked at."""
    body, lost = GRAMMAR.write_request(conversation, default_max_tokens=default_max_tokens)
    plain = msgspec.json.decode(msgspec.json.encode(body))
    PARAMS.validate_json(msgspec.json.encode({"model": "m", **plain}))
    return plain, lost


def said(**fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a conversation says beside its messages."""
    body, lost = write(Conversation((HELLO,), **fields))
    assert body.pop("messages") == [{"role": "user", "content": "Hello"}]
    return body, lost


def content_of(*parts: Part) -> tuple[Any, tuple[str, ...]]:
    body, lost = write(Conversation((Turn("user", parts),)))
    [message] = body["messages"]
    return message["content"], lost


def assistant(*parts: Part) -> tuple[dict[str, Any], tuple[str, ...]]:
    body, lost = write(Conversation((Turn("assistant", parts),)))
    [message] = body["messages"]
    assert message.pop("role") == "assistant"
    return message, lost


def refused(conversation: Conversation) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        write(conversation)
    return caught.value.param


def test_roles_stay() -> None:
    turns = tuple(Turn(role, (Text(role),)) for role in ("system", "developer", "user", "assistant", "system"))  # type: ignore[arg-type]  # reason: the loop's words are roles
    body, lost = write(Conversation(turns))
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "developer",
        "user",
        "assistant",
        "system",
    ]
    assert lost == ()


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Image("https://e.com/a.png"), {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}),
        (
            Image(media_type="image/png", data="AAAA", detail="high"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
        ),
        (
            PDF,
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        ),
        (
            Document(media_type="application/pdf", data="JVBERi0="),
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        ),
        (Audio("audio/wav", "UklG"), {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}),
        (Audio("audio/mp3", "SUQz"), {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}),
    ],
)
def test_media(part: Part, written: dict[str, Any]) -> None:
    assert content_of(Text("see"), part) == ([{"type": "text", "text": "see"}, written], ())
    assert content_of(part) == ([written], ())


def test_a_document_of_text_becomes_a_text() -> None:
    titled = document_of_text("Grüße", title="Letter", cited=True)
    assert content_of(titled) == ("Letter:\n\nGrüße", ("citations",))
    assert content_of(document_of_text("Grüße"), Text("?")) == (
        [{"type": "text", "text": "Grüße"}, {"type": "text", "text": "?"}],
        (),
    )


def test_a_document_to_cite_is_not_cited() -> None:
    assert content_of(msgspec.structs.replace(PDF, cited=True))[1] == ("citations",)


@pytest.mark.parametrize(
    "part",
    [
        Document(url="https://e.com/a.pdf"),
        Document(url="https://e.com/a.txt", media_type="text/plain"),
        Document(media_type="text/plain", data="no base64!"),
        Document(media_type="text/plain", data="/w=="),
        Audio("audio/ogg", "T2dn"),
    ],
)
def test_what_cannot_be_sent_is_refused(part: Part) -> None:
    assert refused(Conversation((Turn("user", (part,)),))) == "messages"


def test_results_and_what_of_them_is_no_text() -> None:
    results = (
        ToolResult("a", (Text("one"), Image("https://e.com/a.png"), Text("two")), is_error=True),
        ToolResult("b", (document_of_text("three", title="T"),)),
        ToolResult("c", (PDF,)),
        ToolResult("d", ()),
    )
    calls = tuple(ToolCall(result.call_id, "f", "{}") for result in results)
    body, lost = write(Conversation((Turn("assistant", calls), Turn("user", (*results, Text("go on"))))))
    assert body["messages"][1:] == [
        {
            "role": "tool",
            "tool_call_id": "a",
            "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        },
        {"role": "tool", "tool_call_id": "b", "content": "T:\n\nthree"},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "tool", "tool_call_id": "d", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Images of the tool result a:"},
                {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
                {"type": "text", "text": "Files of the tool result c:"},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
                {"type": "text", "text": "go on"},
            ],
        },
    ]
    assert lost == ("is_error",)


def test_calls_stay_byte_for_byte() -> None:
    message, lost = assistant(Text("Looking."), ToolCall("c/1", "look", '{ "at":1.0}'), ToolCall("c/2", "now", "{}"))
    assert message["content"] == "Looking."
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{ "at":1.0}', "{}"]
    assert lost == ()


def test_an_earlier_refusal_and_its_absence() -> None:
    assert assistant(Refusal("No."))[0] == {"content": None, "refusal": "No."}
    assert assistant()[0] == {"content": ""}


def test_sources_of_an_earlier_answer_stay_behind() -> None:
    assert assistant(Text("Hello", (Citation("https://e.com"),))) == ({"content": "Hello"}, ("citations",))


@pytest.mark.parametrize(
    ("parts", "written", "lost"),
    [
        ((Thinking("a"), Thinking("b")), {"reasoning_content": "ab"}, ()),
        ((Thinking("a", "s", "anthropic_messages"),), {}, ("thinking",)),
        ((Thinking("a", "s"),), {}, ("thinking",)),
        ((RedactedThinking("d", "gemini"), Thinking("b")), {"reasoning_content": "b"}, ("thinking",)),
        (
            (
                Thinking("a", "anthropic-claude-v1~~s", "openai_chat"),
                Thinking("b"),
                RedactedThinking("openai-responses-v1~rs_1~d", "openai_chat"),
                Thinking("c", "plain", "openai_chat"),
            ),
            {
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "a",
                        "signature": "s",
                        "format": "anthropic-claude-v1",
                        "index": 0,
                    },
                    {"type": "reasoning.text", "text": "b", "signature": None, "format": "unknown", "index": 1},
                    {
                        "type": "reasoning.encrypted",
                        "data": "d",
                        "format": "openai-responses-v1",
                        "id": "rs_1",
                        "index": 2,
                    },
                    {"type": "reasoning.text", "text": "c", "signature": "plain", "format": "unknown", "index": 3},
                ]
            },
            (),
        ),
    ],
)
def test_earlier_thoughts(parts: tuple[Part, ...], written: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert assistant(*parts, Text("x")) == ({"content": "x", **written}, lost)


@pytest.mark.parametrize(
    ("wanted", "written", "lost"),
    [
        (Reasoning(effort="minimal"), {"reasoning_effort": "minimal"}, ()),
        (Reasoning(effort="xhigh", summary=True), {"reasoning_effort": "xhigh"}, ()),
        (Reasoning(off=True), {"reasoning_effort": "none"}, ()),
        (Reasoning(budget=1024), {"reasoning_effort": "low"}, ("thinking.budget_tokens",)),
        (Reasoning(budget=1025), {"reasoning_effort": "medium"}, ("thinking.budget_tokens",)),
        (Reasoning(budget=8192), {"reasoning_effort": "medium"}, ("thinking.budget_tokens",)),
        (Reasoning(budget=64000), {"reasoning_effort": "high"}, ("thinking.budget_tokens",)),
        (Reasoning(summary=True), {}, ()),
        (None, {}, ()),
    ],
)
def test_reasoning(wanted: Reasoning | None, written: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert said(reasoning=wanted) == (written, lost)


SCHEMA = msgspec.Raw(b'{"type":"object"}')


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (ResponseFormat(), {"type": "json_object"}),
        (
            ResponseFormat(SCHEMA),
            {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}},
        ),
        (
            ResponseFormat(SCHEMA, "n", "d", False),
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": False},
            },
        ),
    ],
)
def test_response_formats(wanted: ResponseFormat, written: dict[str, Any]) -> None:
    assert said(response_format=wanted) == ({"response_format": written}, ())


@pytest.mark.parametrize(
    ("sampling", "written", "lost"),
    [
        (Sampling(temperature=1.5, top_p=0.5), {"temperature": 1.5, "top_p": 0.5}, ()),
        (Sampling(stop=("a", "b"), seed=7), {"stop": ["a", "b"], "seed": 7}, ()),
        (Sampling(presence_penalty=1, frequency_penalty=-1), {"presence_penalty": 1, "frequency_penalty": -1}, ()),
        (Sampling(presence_penalty=0.0, frequency_penalty=0.0), {}, ()),
        (Sampling(logit_bias=msgspec.Raw(b'{"1":2}')), {"logit_bias": {"1": 2}}, ()),
        (Sampling(max_tokens=0), {"max_completion_tokens": 0}, ()),
        (Sampling(top_k=5), {}, ("top_k",)),
        (Sampling(n=1), {}, ()),
    ],
)
def test_sampling(sampling: Sampling, written: dict[str, Any], lost: tuple[str, ...]) -> None:
    assert said(sampling=sampling) == (written, lost)


def test_the_default_bound_is_only_a_default() -> None:
    assert write(Conversation((HELLO,)), 9)[0]["max_completion_tokens"] == 9
    assert write(Conversation((HELLO,), sampling=Sampling(max_tokens=3)), 9)[0]["max_completion_tokens"] == 3


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"logprobs": Logprobs()}, {"logprobs": True}),
        ({"logprobs": Logprobs(3)}, {"logprobs": True, "top_logprobs": 3}),
        ({"metadata": msgspec.Raw(b'{"a":"b"}')}, {"metadata": {"a": "b"}}),
        ({"user": "u"}, {"user": "u"}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"verbosity": "low"}, {"verbosity": "low"}),
        ({"stream": True}, {"stream_options": {"include_usage": True}}),
    ],
)
def test_all_else_is_carried(fields: dict[str, Any], written: dict[str, Any]) -> None:
    assert said(**fields) == (written, ())


def test_several_answers_are_refused() -> None:
    assert refused(Conversation((HELLO,), sampling=Sampling(n=2))) == "n"


LOOK = Tool("look", "Looks.", SCHEMA, strict=True)


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", "look"), {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_tools(choice: ToolChoice, written: Any) -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}
    assert said(tools=(LOOK, Tool("now")), tool_choice=choice, parallel_tool_calls=False) == (
        {
            "tools": [
                {"type": "function", "function": function},
                {"type": "function", "function": {"name": "now"}},
            ],
            "tool_choice": written,
            "parallel_tool_calls": False,
        },
        (),
    )


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("named", "web_search")])
def test_a_choice_of_tools_that_are_lost_is_refused(choice: ToolChoice) -> None:
    assert refused(Conversation((HELLO,), tool_choice=choice)) == "tool_choice"


def test_a_choice_without_tools_that_says_nothing() -> None:
    assert said(tool_choice=ToolChoice("auto"), parallel_tool_calls=True) == ({}, ())


MARK: CacheMark = "5m"


@pytest.mark.parametrize(
    "conversation",
    [
        Conversation((Turn("user", (Text("x", cache=MARK),)),)),
        Conversation((Turn("user", (Image("https://e.com/a.png", cache=MARK),)),)),
        Conversation((Turn("user", (msgspec.structs.replace(PDF, cache=MARK),)),)),
        Conversation((Turn("user", (ToolResult("c", (Text("x", cache=MARK),)),)),)),
        Conversation((Turn("user", (ToolResult("c", (Text("x"),), cache=MARK),)),)),
        Conversation((Turn("assistant", (ToolCall("c", "f", "{}", cache=MARK),)),)),
        Conversation((HELLO,), tools=(Tool("f", cache=MARK),)),
    ],
)
def test_cache_marks_are_dropped(conversation: Conversation) -> None:
    body, lost = write(conversation)
    assert lost == ("cache_control",)
    assert "cache" not in str(body)
