"""Messages requests, read into the hub."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.neutral import (
    Citation,
    Document,
    Image,
    Part,
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
from tests.llm.dialects.anthropic_wire import EPHEMERAL, assistant, parts_of, reads, text, user

PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
SCHEMA = {"type": "object", "properties": {"x": {"type": "number"}}}
LOOK = {"name": "look", "input_schema": SCHEMA}


def base64_of(said: str) -> str:
    return base64.b64encode(said.encode()).decode()


def plain_text(said: str, **more: Any) -> Document:
    return Document(media_type="text/plain", data=base64_of(said), **more)


def test_everything_plain() -> None:
    conversation = reads(
        user(),
        assistant(text("yes")),
        {"role": "system", "content": "late"},
        user(text("go")),
        system=[text("one"), text("two", cache_control=EPHEMERAL)],
        max_tokens=7,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["END"],
        metadata={"user_id": "u-1"},
    )
    assert conversation.turns == (
        Turn("system", (Text("one"), Text("two", cache="5m"))),
        Turn("user", (Text("Hello"),)),
        Turn("assistant", (Text("yes"),)),
        Turn("system", (Text("late"),)),
        Turn("user", (Text("go"),)),
    )
    assert conversation.sampling == Sampling(max_tokens=7, temperature=0.5, top_p=0.9, top_k=5, stop=("END",))
    assert (conversation.user, conversation.lost, conversation.reasoning) == ("u-1", (), None)


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/PNG", "data": "iVBO"}},
            (Image(media_type="image/png", data="iVBO"),),
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}, "cache_control": EPHEMERAL},
            (Image(url="https://x.test/a.png", cache="5m"),),
        ),
        ({"type": "document", "source": PDF}, (Document(media_type="application/pdf", data="JVBERi0="),)),
        (
            {"type": "document", "source": {"type": "url", "url": "https://x.test/a"}, "title": "A"},
            (Document(url="https://x.test/a", media_type="application/pdf", title="A"),),
        ),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "Straße"},
                "title": "T",
                "citations": {"enabled": True},
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            (plain_text("Straße", title="T", cited=True, cache="1h"),),
        ),
        (
            {"type": "document", "source": PDF, "context": "an old one", "citations": {"enabled": False}},
            (Text("an old one"), Document(media_type="application/pdf", data="JVBERi0=")),
        ),
        (
            {"type": "document", "source": {"type": "content", "content": "whole"}, "title": "C"},
            (plain_text("whole", title="C"),),
        ),
        (
            {
                "type": "document",
                "title": "C",
                "source": {
                    "type": "content",
                    "content": [
                        text("one"),
                        text("two"),
                        {"type": "image", "source": {"type": "url", "url": "http://x.test/i"}},
                        text("three"),
                    ],
                },
                "cache_control": EPHEMERAL,
            },
            (
                plain_text("one\ntwo", title="C"),
                Image(url="http://x.test/i"),
                plain_text("three", title="C", cache="5m"),
            ),
        ),
        (
            {
                "type": "search_result",
                "title": "Rome",
                "source": "https://x.test/rome",
                "content": [text("a"), text("b")],
                "citations": {"enabled": True},
            },
            (plain_text("a\nb", title="Rome (https://x.test/rome)", cited=True),),
        ),
    ],
)
def test_what_a_user_or_a_tool_shows(block: dict[str, Any], parts: tuple[Part, ...]) -> None:
    assert parts_of(user(block)) == parts
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    assert parts_of(user(result)) == (ToolResult("t", parts),)


def test_a_text_and_what_it_cites() -> None:
    cited = [
        {"type": "web_search_result_location", "url": "https://x.test", "title": "X", "cited_text": "q"},
        {"type": "char_location", "document_index": 0, "document_title": "D", "cited_text": "r"},
        {"type": "search_result_location", "source": "https://y.test", "title": None, "cited_text": "s"},
        {"type": "search_result_location", "source": "shelf 3", "title": "", "cited_text": "t"},
        {"type": "from_the_future"},
    ]
    (part,) = parts_of(assistant(text("So.", citations=cited, cache_control=EPHEMERAL)))
    assert part == Text(
        "So.",
        (
            Citation(url="https://x.test", title="X", quote="q"),
            Citation(title="D", quote="r"),
            Citation(url="https://y.test", quote="s"),
            Citation(title="shelf 3", quote="t"),
        ),
        cache="5m",
    )


def test_thinking_of_earlier_turns() -> None:
    blocks = [
        {"type": "thinking", "thinking": "own", "signature": "EqQ="},
        {"type": "thinking", "thinking": "", "signature": "gw1.gemini.CiQ="},
        {"type": "thinking", "thinking": "nobody's", "signature": ""},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "redacted_thinking", "data": "gw1.openai_responses.gAAA"},
        text("y"),
    ]
    assert parts_of(assistant(*blocks)) == (
        Thinking("own", "EqQ=", "anthropic_messages"),
        Thinking("", "CiQ=", "gemini"),
        Thinking("nobody's"),
        RedactedThinking("EmwK", "anthropic_messages"),
        RedactedThinking("gAAA", "openai_responses"),
        Text("y"),
    )


def test_calls_and_their_results() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    assert parts_of(assistant({**use, "caller": {"type": "direct"}, "cache_control": EPHEMERAL})) == (
        ToolCall("t1", "look", "{}", cache="5m"),
    )
    results = [
        {"type": "tool_result", "tool_use_id": "t1"},
        {"type": "tool_result", "tool_use_id": "t2", "content": "broken", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3", "content": [text("x")], "cache_control": EPHEMERAL},
    ]
    assert parts_of(user(*results)) == (
        ToolResult("t1", ()),
        ToolResult("t2", (Text("broken"),), is_error=True),
        ToolResult("t3", (Text("x"),), cache="5m"),
    )


def test_inputs_and_schemas_keep_their_bytes() -> None:
    fields = {
        "messages": b'[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{ "x" : 1.0 }}]}]',
        "tools": b'[{"name":"f","input_schema":{ "type" : "object", "n":1e2 }}]',
        "output_config": b'{"format":{"type":"json_schema","schema":{ "a" : 1.0}}}',
    }
    raw = {name: msgspec.Raw(value) for name, value in fields.items()}
    conversation = GRAMMAR.read_request(Request(dialect="anthropic_messages", model="m", fields=raw))
    assert conversation.turns[0].parts == (ToolCall("a", "f", '{ "x" : 1.0 }'),)
    assert bytes(conversation.tools[0].schema or b"") == b'{ "type" : "object", "n":1e2 }'
    assert conversation.response_format is not None
    assert bytes(conversation.response_format.schema or b"") == b'{ "a" : 1.0}'


def test_tools() -> None:
    conversation = reads(
        tools=[
            {**LOOK, "type": "custom", "description": "Looks.", "strict": True, "cache_control": EPHEMERAL},
            {**LOOK, "name": "usual", "defer_loading": False, "allowed_callers": ["direct"], "type": None},
            {**LOOK, "name": "odd", "defer_loading": True, "allowed_callers": ["code_execution_20250825"]},
            {"type": "web_search_20260318", "name": "web_search"},
            {"type": "bash_20250124", "name": "bash"},
        ]
    )
    assert [(tool.name, tool.description, tool.strict, tool.cache) for tool in conversation.tools] == [
        ("look", "Looks.", True, "5m"),
        ("usual", None, None, None),
        ("odd", None, None, None),
    ]
    assert all(isinstance(tool, Tool) for tool in conversation.tools)
    assert conversation.lost == ("defer_loading", "allowed_callers", "tools.web_search_20260318", "tools.bash_20250124")


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "tool", "name": "look", "disable_parallel_tool_use": False}, ToolChoice("named", "look"), None),
    ],
)
def test_tool_choices(choice: dict[str, Any], expected: ToolChoice, parallel: bool | None) -> None:
    conversation = reads(tools=[LOOK], tool_choice=choice)
    assert (conversation.tool_choice, conversation.parallel_tool_calls) == (expected, parallel)


@pytest.mark.parametrize(
    ("said", "expected", "lost"),
    [
        ({}, None, ()),
        ({"thinking": {"type": "disabled"}}, Reasoning(off=True), ()),
        ({"thinking": {"type": "adaptive"}}, Reasoning(summary=True), ()),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(summary=False), ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Reasoning(budget=2048, summary=True), ()),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "summarized"}},
            Reasoning(budget=2048, summary=True),
            (),
        ),
        ({"thinking": {"type": "between_tools"}}, None, ("thinking.between_tools",)),
        ({"output_config": {"effort": "max"}}, Reasoning(effort="xhigh"), ()),
        ({"output_config": {"effort": None}}, None, ()),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "adaptive"}},
            Reasoning(effort="low", summary=True),
            (),
        ),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            Reasoning(effort="low", summary=True),
            ("thinking.budget_tokens",),
        ),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "disabled"}},
            Reasoning(off=True),
            ("output_config.effort",),
        ),
        (
            {"output_config": {"effort": "low"}, "thinking": {"type": "between_tools"}},
            Reasoning(effort="low"),
            ("thinking.between_tools",),
        ),
    ],
)
def test_how_hard_the_model_thinks(said: dict[str, Any], expected: Reasoning | None, lost: tuple[str, ...]) -> None:
    conversation = reads(**said)
    assert (conversation.reasoning, conversation.lost) == (expected, lost)


def test_the_form_of_the_answer() -> None:
    conversation = reads(output_config={"format": {"type": "json_schema", "schema": SCHEMA}, "task_budget": {"n": 1}})
    wanted = conversation.response_format
    assert isinstance(wanted, ResponseFormat) and wanted.schema is not None
    assert msgspec.json.decode(wanted.schema) == SCHEMA
    assert (wanted.name, wanted.strict, conversation.lost) == (None, None, ("task_budget",))


@pytest.mark.parametrize(
    ("said", "tier"), [({}, None), ({"service_tier": "auto"}, "auto"), ({"service_tier": "standard_only"}, "default")]
)
def test_service_tiers(said: dict[str, Any], tier: str | None) -> None:
    conversation = reads(**said)
    assert (conversation.service_tier, conversation.lost) == (tier, ())


def test_what_a_server_did_is_passed_over_and_named() -> None:
    conversation = reads(
        user(),
        assistant(
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "mcp_tool_use", "id": "m", "name": "f", "server_name": "s", "input": {}},
            {"type": "mcp_tool_result", "tool_use_id": "m", "content": []},
            {"type": "bash_code_execution_tool_result", "tool_use_id": "s", "content": {}},
            text("found"),
        ),
        user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference", "tool_name": "f"}]}),
    )
    assert conversation.turns[1:] == (Turn("assistant", (Text("found"),)), Turn("user", (ToolResult("t", ()),)))
    assert conversation.lost == (
        "server_tool_use",
        "web_search_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "bash_code_execution_tool_result",
        "tool_reference",
    )


def test_what_no_other_dialect_has_is_named() -> None:
    called_by_code = {"type": "code_execution_20250825", "tool_id": "s"}
    conversation = reads(
        user({"type": "image", "source": {"type": "url", "url": "https://x.test/i"}, "transformations": {"a": "b"}}),
        assistant({"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": called_by_code}),
        cache_control=EPHEMERAL,
        container="c",
        inference_geo="us",
        speed="fast",
        mcp_servers=[{"name": "s"}],
        metadata={"user_id": "u", "novel": 1},
        diagnostics=None,
    )
    assert set(conversation.lost) == {
        "transformations",
        "caller",
        "cache_control",
        "container",
        "inference_geo",
        "speed",
        "mcp_servers",
        "novel",
    }
    assert reads(speed="standard", container=None, metadata={}).lost == ()
