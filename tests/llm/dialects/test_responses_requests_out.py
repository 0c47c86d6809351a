"""The hub's conversation, written as a responses request."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from llm.dialects.hub import GRAMMARS
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
from llm.errors import InvalidRequest
from tests.llm.dialects.responses_wire import RESPONSES, asked, items

HELLO = Turn("user", (Text("Hello"),))
LOOK = Tool("look", "Looks.", msgspec.Raw(b'{"type":"object"}'))
PDF = Document(media_type="application/pdf", data="JVBE", title="a.pdf")


def part(given: Any) -> Any:
    """What becomes of a user's part, beside a text."""
    (message,) = items(Text("see"), given, role="user")
    assert message["content"][0] == {"type": "input_text", "text": "see"}
    return message["content"][1]


def test_a_plain_request() -> None:
    body, lost = asked(HELLO, default_max_tokens=300)
    assert body == {
        "input": [{"type": "message", "role": "user", "content": "Hello"}],
        "max_output_tokens": 300,
        "store": False,
    }
    assert lost == ()


def test_system_text_that_leads_is_the_instructions() -> None:
    system = Turn("system", (Text("Be brief."), Text("Be kind.")))
    body, lost = asked(system, Turn("developer", (Text("Dev."),)), HELLO, Turn("system", (Text("Late."),)), HELLO)
    assert body["instructions"] == "Be brief.\n\nBe kind."
    assert [(item["role"], item["content"]) for item in body["input"]] == [
        ("developer", "Dev."),
        ("user", "Hello"),
        ("system", "Late."),
        ("user", "Hello"),
    ]
    assert lost == ()


def test_system_text_alone_is_an_item() -> None:
    body, _ = asked(Turn("system", (Text("Say hi."),)))
    assert "instructions" not in body
    assert body["input"] == [{"type": "message", "role": "system", "content": "Say hi."}]


def test_a_conversation_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(Turn("user", ()))
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Text("x"), {"type": "input_text", "text": "x"}),
        (
            Image(url="https://x.example/a"),
            {"type": "input_image", "image_url": "https://x.example/a", "detail": "auto"},
        ),
        (
            Image(media_type="image/png", data="iVBO", detail="low"),
            {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low"},
        ),
        (PDF, {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}),
        (Document(url="https://x.example/a.pdf"), {"type": "input_file", "file_url": "https://x.example/a.pdf"}),
        (
            Document(media_type="text/plain", data=base64.b64encode(b"told").decode(), title="T"),
            {"type": "input_text", "text": "T:\n\ntold"},
        ),
        (Audio("audio/wav", "UklG"), {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}),
        (Audio("audio/mpeg", "SUQz"), {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}),
    ],
)
def test_what_users_send(given: Any, expected: dict[str, Any]) -> None:
    assert part(given) == expected


def test_sound_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        part(Audio("audio/flac", "x"))
    assert caught.value.param == "messages"


def test_a_pdf_without_a_name_gets_one() -> None:
    assert part(Document(media_type="application/pdf", data="JVBE"))["filename"] == "document.pdf"


def test_citations_wanted_of_a_document_are_named() -> None:
    assert asked(Turn("user", (Document(media_type="application/pdf", data="J", cited=True),)))[1] == ("citations",)


def test_results_stand_before_the_rest_of_their_turn() -> None:
    picture = Image(media_type="image/png", data="iVBO")
    written = items(
        Text("and?"), ToolResult("c1", (Text("sunny"),)), ToolResult("c2", (Text("see"), picture, PDF)), role="user"
    )
    assert written == [
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            ],
        },
        {"type": "message", "role": "user", "content": "and?"},
    ]
    assert items(ToolResult("c1", ()), role="user")[0]["output"] == ""


def test_a_failed_result_is_named() -> None:
    body, lost = asked(HELLO, Turn("user", (ToolResult("c1", (Text("no"),), is_error=True),)))
    assert body["input"][1]["output"] == "no"
    assert lost == ("is_error",)


def source(url: str, title: str, end: int) -> dict[str, Any]:
    return {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": end}


def test_what_the_model_gave_keeps_its_order() -> None:
    cited = Text("Hm.", (Citation("https://a.example", "A", None, 0, 2), Citation("https://b.example")))
    sources = [source("https://a.example", "A", 2), source("https://b.example", "https://b.example", 3)]
    why = {"type": "summary_text", "text": "why"}
    assert items(
        Thinking("why", "rs_1:enc", RESPONSES),
        Text("a"),
        ToolCall("c1", "look", '{ "at":1.0}'),
        RedactedThinking("rs_2:enc", RESPONSES),
        cited,
        Refusal("No."),
    ) == [
        {"type": "reasoning", "id": "rs_1", "summary": [why], "encrypted_content": "enc"},
        {"type": "message", "role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{ "at":1.0}'},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "enc"},
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hm.", "annotations": sources},
                {"type": "refusal", "refusal": "No."},
            ],
        },
    ]


def test_sealed_reasoning_without_an_id() -> None:
    assert items(RedactedThinking("enc", RESPONSES)) == [
        {"type": "reasoning", "summary": [], "encrypted_content": "enc"}
    ]


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm"),
        Thinking("hm", "sig", "anthropic_messages"),
        Thinking("hm", "sig"),
        RedactedThinking("data", "anthropic_messages"),
        RedactedThinking("data"),
    ],
)
def test_thinking_of_others_is_named(thought: Any) -> None:
    body, lost = asked(HELLO, Turn("assistant", (thought, Text("a"))))
    assert body["input"][1:] == [{"type": "message", "role": "assistant", "content": "a"}]
    assert lost == ("thinking",)


def test_tools_are_lax_where_nothing_is_said() -> None:
    body, lost = asked(
        tools=(LOOK, Tool("time", None, None, True)), tool_choice=ToolChoice("auto"), parallel_tool_calls=False
    )
    assert body["tools"] == [
        {
            "type": "function",
            "name": "look",
            "description": "Looks.",
            "parameters": {"type": "object"},
            "strict": False,
        },
        {"type": "function", "name": "time", "parameters": {"type": "object", "properties": {}}, "strict": True},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"], lost) == ("auto", False, ())


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", "look"), {"type": "function", "name": "look"}),
    ],
)
def test_tool_choice(choice: ToolChoice, written: Any) -> None:
    assert asked(tools=(LOOK,), tool_choice=choice)[0]["tool_choice"] == written


def test_a_call_that_nothing_can_serve_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(tool_choice=ToolChoice("required"))
    assert caught.value.param == "tool_choice"
    assert "tool_choice" not in asked(tool_choice=ToolChoice("auto"), parallel_tool_calls=False)[0]


@pytest.mark.parametrize(
    ("wanted", "written", "lost"),
    [
        (Reasoning("minimal"), {"effort": "minimal"}, ()),
        (Reasoning("xhigh", summary=True), {"effort": "xhigh", "summary": "auto"}, ()),
        (Reasoning(off=True), {"effort": "none"}, ()),
        (Reasoning(budget=1024), {"effort": "low"}, ("thinking.budget_tokens",)),
        (Reasoning(budget=8192), {"effort": "medium"}, ("thinking.budget_tokens",)),
        (Reasoning(budget=8193), {"effort": "high"}, ("thinking.budget_tokens",)),
        (Reasoning(summary=True), {"summary": "auto"}, ()),
    ],
)
def test_reasoning(wanted: Reasoning, written: dict[str, Any], lost: tuple[str, ...]) -> None:
    body, dropped = asked(reasoning=wanted)
    assert (body["reasoning"], dropped) == (written, lost)
    assert body.get("include", []) == ([] if wanted.off else ["reasoning.encrypted_content"])


def test_who_brings_reasoning_back_gets_more_of_it() -> None:
    own, foreign = Thinking("why", "rs_1:enc", RESPONSES), Thinking("why", "sig", "gemini")
    assert asked(HELLO, Turn("assistant", (own,)), HELLO)[0]["include"] == ["reasoning.encrypted_content"]
    assert "include" not in asked(HELLO, Turn("assistant", (foreign,)), HELLO)[0]


def test_a_summary_that_is_not_wanted_says_nothing() -> None:
    assert "reasoning" not in asked(reasoning=Reasoning(summary=False))[0]


def test_the_form_of_the_answer() -> None:
    schema = msgspec.Raw(b'{"type":"object"}')
    assert asked(response_format=ResponseFormat())[0]["text"] == {"format": {"type": "json_object"}}
    assert asked(response_format=ResponseFormat(schema, "n", "d", True), verbosity="low")[0]["text"] == {
        "format": {
            "type": "json_schema",
            "name": "n",
            "schema": {"type": "object"},
            "description": "d",
            "strict": True,
        },
        "verbosity": "low",
    }
    assert asked(response_format=ResponseFormat(schema))[0]["text"]["format"]["name"] == "answer"


def test_sampling_and_names() -> None:
    body, lost = asked(
        sampling=Sampling(
            max_tokens=9, temperature=1.5, top_p=0.5, n=1, presence_penalty=0.0, frequency_penalty=0.0, stop=("",)
        ),
        user="u",
        metadata=msgspec.Raw(b'{"a":"b"}'),
        service_tier="flex",
        default_max_tokens=300,
    )
    assert (body["max_output_tokens"], body["temperature"], body["top_p"]) == (9, 1.5, 0.5)
    assert (body["user"], body["metadata"], body["service_tier"]) == ("u", {"a": "b"}, "flex")
    assert lost == ()


@pytest.mark.parametrize(
    ("sampling", "name"),
    [
        (Sampling(stop=("x",)), "stop"),
        (Sampling(seed=0), "seed"),
        (Sampling(logit_bias=msgspec.Raw(b"{}")), "logit_bias"),
        (Sampling(presence_penalty=0.5), "presence_penalty"),
        (Sampling(frequency_penalty=-0.5), "frequency_penalty"),
        (Sampling(top_k=5), "top_k"),
    ],
)
def test_what_openai_does_not_sample_by_is_named(sampling: Sampling, name: str) -> None:
    body, lost = asked(sampling=sampling)
    assert lost == (name,)
    assert name not in body


def test_several_answers_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(sampling=Sampling(n=2))
    assert caught.value.param == "n"


def test_logprobs() -> None:
    body, _ = asked(logprobs=Logprobs(3))
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 3)
    assert "top_logprobs" not in asked(logprobs=Logprobs())[0]


@pytest.mark.parametrize(
    "more",
    [
        {"turns": (Turn("user", (Text("x", cache="5m"),)),)},
        {"turns": (Turn("user", (ToolResult("c", (Text("x", cache="1h"),)),)),)},
        {"turns": (HELLO,), "tools": (msgspec.structs.replace(LOOK, cache="5m"),)},
    ],
)
def test_cache_marks_are_named(more: dict[str, Any]) -> None:
    written = GRAMMARS[RESPONSES].write_request(Conversation(**more), default_max_tokens=None)
    assert written[1] == ("cache_control",)


def test_the_clients_own_types_know_every_item() -> None:
    """As strictly as the client can: the union of all items, and of all content parts."""
    from openai.types.responses import FunctionTool
    from openai.types.responses.response_input_item import ResponseInputItem
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(ResponseInputItem)
    body, _ = asked(
        HELLO,
        Turn("user", (Text("see"), Image(url="https://x.example/a"), PDF)),
        Turn("assistant", (Thinking("why", "rs_1:enc", RESPONSES), Text("a"), ToolCall("c1", "look", "{}"))),
        Turn("user", (ToolResult("c1", (Text("sunny"), PDF)),)),
        tools=(LOOK,),
    )
    kinds = [type(adapter.validate_python(item, strict=True)).__name__ for item in body["input"]]
    assert kinds == [
        "EasyInputMessage",
        "EasyInputMessage",
        "ResponseReasoningItem",
        "EasyInputMessage",
        "ResponseFunctionToolCall",
        "FunctionCallOutput",
    ]
    assert FunctionTool.model_validate(body["tools"][0], strict=True).strict is False
