"""Chat completions requests, read into the hub's words."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from llm.dialects.neutral import (
    Audio,
    CacheMark,
    Citation,
    Conversation,
    Document,
    Image,
    Logprobs,
    Reasoning,
    RedactedThinking,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from llm.dialects.openai_chat import GRAMMAR
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.asking import CALL, TOOL, request, user
from tests.llm.dialects.folding import OPENAI

MARK = {"cache_control": {"type": "ephemeral"}}
PDF = "data:application/pdf;base64,JVBERi0="


def read(body: dict[str, Any]) -> Conversation:
    return GRAMMAR.read_request(request(OPENAI, {"model": "m", "messages": [user()], **body}))


def parts_of(part: dict[str, Any]) -> tuple[Any, ...]:
    return read({"messages": [user([part])]}).turns[0].parts


def assistant(**message: Any) -> tuple[Any, ...]:
    return read({"messages": [{"role": "assistant", **message}]}).turns[0].parts


def detail(text: str, signature: str) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": text, "signature": signature}


def refused(body: dict[str, Any]) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    assert caught.value.param is not None and caught.value.param in caught.value.message
    return caught.value.param


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}},
            Image("https://e.com/a.png", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "auto"}},
            Image(media_type="image/png", data="AAAA"),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
            Document(media_type="application/pdf", data="JVBERi0=", title="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/csv;charset=utf-8;base64,YSxi"}},
            Document(media_type="text/plain", data="YSxi"),
        ),
        ({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}, Audio("audio/wav", "UklG")),
        ({"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}, Audio("audio/mpeg", "SUQz")),
    ],
)
def test_parts_of_a_message(part: dict[str, Any], expected: Any) -> None:
    conversation = read({"messages": [user([part])]})
    assert conversation.turns == (Turn("user", (expected,)),)
    assert conversation.lost == ()


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "best"}}, "image_url.detail"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_id"),
        ({"type": "file", "file": {"filename": "a.pdf"}}, "file.file_data"),
        ({"type": "file", "file": {"file_data": "https://e.com/a.pdf"}}, "file.file_data"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}, "file.file_data"),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "ogg"}}, "input_audio.format"),
        ({"type": "video_url", "video_url": {"url": "https://e.com/a.mp4"}}, "type"),
        ({"type": "text", "text": "x", "cache_control": {"type": "forever"}}, "cache_control.type"),
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1d"}}, "cache_control.ttl"),
    ],
)
def test_parts_that_cannot_be_read(part: dict[str, Any], param: str) -> None:
    assert refused({"messages": [user([part])]}) == f"messages[0].content[0].{param}"


def test_media_only_from_the_user() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}
    assert refused({"messages": [{"role": "system", "content": [part]}]}) == "messages[0].content[0].type"


@pytest.mark.parametrize(("said", "mark"), [({}, "5m"), ({"ttl": "5m"}, "5m"), ({"ttl": "1h"}, "1h")])
def test_cache_marks(said: dict[str, str], mark: CacheMark) -> None:
    control = {"cache_control": {"type": "ephemeral", **said}}
    conversation = read(
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "a", **control}]},
                user([{"type": "file", "file": {"file_data": PDF}, **control}]),
                {"role": "tool", "tool_call_id": "c", "content": "r", **control},
                {"role": "assistant", "content": "x", "tool_calls": [CALL], **control},
            ],
            "tools": [{**TOOL, **control}],
        }
    )
    system, asked, result, answer = conversation.turns
    assert system.parts == (Text("a", cache=mark),)
    assert asked.parts[0] == Document(media_type="application/pdf", data="JVBERi0=", cache=mark)
    assert result.parts == (ToolResult("c", (Text("r"),), cache=mark),)
    assert answer.parts == (Text("x"), ToolCall("call_1", "look", '{ "at":1.0}', cache=mark))
    assert conversation.tools[0].cache == mark
    assert conversation.lost == ()


def test_a_mark_that_stands_on_nothing_is_lost() -> None:
    message = {"role": "assistant", "reasoning_content": "hm", **MARK}
    assert read({"messages": [message]}).lost == ("cache_control",)


def test_what_a_tool_gave() -> None:
    content = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
        {"type": "file", "file": {"file_data": PDF}},
    ]
    [turn] = read({"messages": [{"role": "tool", "tool_call_id": "c", "content": content}]}).turns
    image, document = Image("https://e.com/a.png"), Document(media_type="application/pdf", data="JVBERi0=")
    assert turn == Turn("user", (ToolResult("c", (Text("see"), image, document)),))
    sound = [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}]
    assert refused({"messages": [{"role": "tool", "tool_call_id": "c", "content": sound}]}) == (
        "messages[0].content[0].type"
    )


def test_an_earlier_answer_as_the_official_client_gives_it_back() -> None:
    source = {"url": "https://e.com", "title": "E", "start_index": 0, "end_index": 5}
    conversation = read(
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": "Hello",
                    "refusal": None,
                    "annotations": [{"type": "url_citation", "url_citation": source}, {"type": "file"}, 5],
                    "audio": None,
                    "function_call": None,
                    "tool_calls": [CALL],
                }
            ]
        }
    )
    assert conversation.turns[0].parts == (
        Text("Hello", (Citation("https://e.com", "E", None, 0, 5),)),
        ToolCall("call_1", "look", '{ "at":1.0}'),
    )
    assert conversation.lost == ()


def test_a_refusal_of_an_earlier_answer() -> None:
    assert assistant(content=None, refusal="No.") == (Refusal("No."),)
    assert assistant(content=[{"type": "refusal", "refusal": "No."}]) == (Refusal("No."),)


def test_an_earlier_answer_in_sound_is_refused() -> None:
    assert refused({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}) == "messages[0].audio"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"reasoning_content": "hm"}, (Thinking("hm"),)),
        ({"reasoning": "hm"}, (Thinking("hm"),)),
        (
            {
                "reasoning_content": "hm",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "signature": "gw1.anthropic_messages.s"}
                ],
            },
            (Thinking("hm", "s", "anthropic_messages"),),
        ),
        (
            {
                "reasoning_content": "first hm",
                "reasoning_details": [detail("hm", "s")],
            },
            (Thinking("first "), Thinking("hm", "s", "openai_chat")),
        ),
        (
            {
                "reasoning_content": "other",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "hm"},
                    {"type": "reasoning.encrypted", "data": "gw1.anthropic_messages.d"},
                    {"type": "reasoning.encrypted", "data": ""},
                    {"type": "reasoning.novel", "x": 1},
                ],
            },
            (Thinking("hm"), RedactedThinking("d", "anthropic_messages")),
        ),
    ],
)
def test_thinking_of_an_earlier_answer(message: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert assistant(content="x", **message) == (*expected, Text("x"))


def test_details_of_a_wrong_type() -> None:
    assert refused({"messages": [{"role": "assistant", "reasoning_details": [{"text": 5}]}]}) == (
        "messages[0].reasoning_details[0].text"
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"reasoning_effort": "none"}, Reasoning(off=True)),
        ({"reasoning_effort": "minimal"}, Reasoning(effort="minimal")),
        ({"reasoning_effort": "xhigh"}, Reasoning(effort="xhigh")),
        ({"reasoning_effort": "max"}, Reasoning(effort="xhigh")),
        ({"reasoning_effort": None}, None),
    ],
)
def test_reasoning(said: dict[str, Any], expected: Reasoning | None) -> None:
    assert read(said).reasoning == expected


SCHEMA = msgspec.Raw(b'{"type":"object"}')


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, ResponseFormat()),
        (
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": True},
            },
            ResponseFormat(SCHEMA, "n", "d", True),
        ),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, ResponseFormat(msgspec.Raw(b"{}"), "n")),
    ],
)
def test_response_formats(said: dict[str, Any], expected: ResponseFormat | None) -> None:
    assert read({"response_format": said}).response_format == expected


def test_all_else_that_a_request_says() -> None:
    conversation = read(
        {
            "logprobs": True,
            "top_logprobs": 3,
            "logit_bias": {"50256": -100},
            "user": "u",
            "metadata": {"team": "red"},
            "service_tier": "flex",
            "verbosity": "low",
            "n": 2,
            "seed": 7,
            "top_k": 5,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "parallel_tool_calls": False,
            "stop": "END",
            "store": False,
            "max_tokens": 5,
            "max_completion_tokens": 9,
        }
    )
    assert conversation.logprobs == Logprobs(3)
    assert conversation.metadata == msgspec.Raw(b'{"team":"red"}')
    assert (conversation.user, conversation.service_tier, conversation.verbosity) == ("u", "flex", "low")
    sampling = conversation.sampling
    assert (sampling.n, sampling.seed, sampling.top_k, sampling.stop, sampling.max_tokens) == (2, 7, 5, ("END",), 9)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (0.5, -0.5)
    assert sampling.logit_bias == msgspec.Raw(b'{"50256":-100}')
    assert conversation.parallel_tool_calls is False
    assert conversation.lost == ()


def test_what_says_nothing() -> None:
    said = {"logprobs": False, "top_logprobs": 0, "logit_bias": {}, "metadata": {}, "user": "", "store": None}
    assert read(said) == read({})


@pytest.mark.parametrize(("said", "meant"), [("fast", "priority"), ("auto", "auto"), ("scale", "scale")])
def test_service_tiers(said: str, meant: str) -> None:
    assert read({"service_tier": said}).service_tier == meant


def test_the_newer_name_of_the_end_user() -> None:
    assert read({"safety_identifier": "u"}).user == "u"


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ({"store": True}, "store"),
        ({"tools": [{"type": "web_search"}]}, "tools.web_search"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.custom"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"messages": [{**user(), "name": "Ann"}]}, "name"),
        ({"something_new": 1}, "something_new"),
    ],
)
def test_what_is_lost_is_named(body: dict[str, Any], lost: str) -> None:
    assert read(body).lost == (lost,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reasoning_effort": "hardest"}, "reasoning_effort"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "response_format.json_schema.schema",
        ),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": -1}, "top_logprobs"),
        ({"logprobs": 5}, "logprobs"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"metadata": "x"}, "metadata"),
        ({"service_tier": "first"}, "service_tier"),
        ({"verbosity": "chatty"}, "verbosity"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
    ],
)
def test_a_wrong_word_is_refused(body: dict[str, Any], param: str) -> None:
    assert refused(body) == param


def test_a_schema_stays_byte_for_byte() -> None:
    raw = b'[{"type":"function","function":{"name":"f","parameters":{ "type" : "object","x":1.0 }}}]'
    fields = {"messages": msgspec.Raw(msgspec.json.encode([user()])), "tools": msgspec.Raw(raw)}
    read_back = GRAMMAR.read_request(Request(dialect=OPENAI, model="m", fields=fields))
    assert read_back.tools == (Tool("f", schema=msgspec.Raw(b'{ "type" : "object","x":1.0 }')),)
    fields["tools"] = msgspec.Raw(raw.replace(b"1.0", b'"\xff"'))
    with pytest.raises(InvalidRequest) as caught:
        GRAMMAR.read_request(Request(dialect=OPENAI, model="m", fields=fields))
    assert caught.value.param == "tools[0].function.parameters"


def test_the_base64_is_not_looked_into() -> None:
    data = base64.b64encode(b"x" * 1000).decode()
    assert parts_of({"type": "file", "file": {"file_data": f"DATA:Application/PDF;base64,{data}"}}) == (
        Document(media_type="application/pdf", data=data),
    )
