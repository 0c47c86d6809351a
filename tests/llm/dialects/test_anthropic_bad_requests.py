"""Messages requests that cannot be read: a 400 that names the field, whatever the JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.anthropic_messages import GRAMMAR
from llm.dialects.hub import GRAMMARS
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.anthropic_wire import EPHEMERAL, assistant, reads, text, user
from tests.llm.dialects.folding import ANTHROPIC

BLOCK = "messages[0].content[0]"
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
LOOK = {"name": "look", "input_schema": {"type": "object"}}


def image(**source: Any) -> dict[str, Any]:
    return user({"type": "image", "source": source})


def document(**source: Any) -> dict[str, Any]:
    return user({"type": "document", "source": source})


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "x"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "developer", "content": "x"}, "messages[0].role"),
        ({"role": "system", "content": [{"type": "image"}]}, f"{BLOCK}.type"),
        (user({"text": "x"}), f"{BLOCK}.type"),
        (user({"type": "hologram"}), f"{BLOCK}.type"),
        (user({"type": "container_upload", "file_id": "f"}), f"{BLOCK}.type"),
        (user({"type": "tool_use", "id": "i", "name": "n", "input": {}}), f"{BLOCK}.type"),
        (user(text("x", cache_control={"type": "eternal"})), f"{BLOCK}.cache_control.type"),
        (user(text("x", cache_control={"type": "ephemeral", "ttl": "1d"})), f"{BLOCK}.cache_control.ttl"),
        (user(text("x", citations=[{"url": 5}])), f"{BLOCK}.citations[0].url"),
        (user({"type": "image"}), f"{BLOCK}.source"),
        (image(type="file", file_id="f"), f"{BLOCK}.source.type"),
        (image(type="url", url="ftp://x/y"), f"{BLOCK}.source.url"),
        (image(type="url", url="data:image/png;base64,iVBO"), f"{BLOCK}.source.url"),
        (image(type="base64", data="iVBO"), f"{BLOCK}.source.media_type"),
        (document(type="file", file_id="f"), f"{BLOCK}.source.type"),
        (document(type="base64", media_type="text/plain", data="x"), f"{BLOCK}.source.media_type"),
        (document(type="text", media_type="text/html", data="x"), f"{BLOCK}.source.media_type"),
        (document(type="url", url="file:///etc/passwd"), f"{BLOCK}.source.url"),
        (document(type="content", content=[{"type": "document"}]), f"{BLOCK}.source.content[0].source"),
        (user({"type": "document", "source": PDF, "citations": {"enabled": "yes"}}), f"{BLOCK}.citations.enabled"),
        (user({"type": "search_result", "title": "t", "source": "s", "content": "x"}), f"{BLOCK}.content"),
        (
            user({"type": "search_result", "title": "t", "source": "s", "content": [{"type": "image"}]}),
            f"{BLOCK}.content[0].type",
        ),
        (user({"type": "tool_result", "content": "x"}), f"{BLOCK}.tool_use_id"),
        (
            user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "hologram"}]}),
            f"{BLOCK}.content[0].type",
        ),
        (assistant({"type": "image", "source": PDF}), f"{BLOCK}.type"),
        (assistant({"type": "thinking", "signature": "s"}), f"{BLOCK}.thinking"),
        (assistant({"type": "redacted_thinking"}), f"{BLOCK}.data"),
        (assistant({"type": "tool_use", "id": "i", "name": "n"}), f"{BLOCK}.input"),
        (assistant({"type": "tool_use", "id": "i", "name": "n", "input": []}), f"{BLOCK}.input"),
        (assistant({"type": "tool_use", "id": "i", "name": "n", "input": "x"}), f"{BLOCK}.input"),
        (assistant({"type": "tool_use", "id": "i", "name": "n", "input": {}, "caller": {}}), f"{BLOCK}.caller.type"),
    ],
)
def test_messages(message: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reads(message)
    assert caught.value.param == param
    assert param.split(".")[-1].split("[")[0] in caught.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"metadata": "me"}, "metadata"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"speed": 5}, "speed"),
        ({"tools": [{"name": "n"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "n", "input_schema": True}]}, "tools[0].input_schema"),
        ({"tools": [{**LOOK, "cache_control": {}}]}, "tools[0].cache_control.type"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [LOOK], "tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [LOOK], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [LOOK], "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        (
            {
                "tools": [{"type": "web_search_20260318", "name": "web_search"}],
                "tool_choice": {"type": "tool", "name": "web_search"},
            },
            "tool_choice",
        ),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": -1}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "adaptive", "display": "loud"}}, "thinking.display"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"format": {"type": "json_schema", "schema": [1]}}}, "output_config.format.schema"),
    ],
)
def test_fields(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reads(**body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "messages",
    [
        b'[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":"\xff"}}]}]',
        b'[{"role":"user","content":"\\ud800"}]',
        b'[{"role":"user","content":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}]",
    ],
)
def test_bytes_that_are_no_text(messages: bytes) -> None:
    with pytest.raises(InvalidRequest):
        GRAMMAR.read_request(Request(dialect=ANTHROPIC, model="m", fields={"messages": msgspec.Raw(messages)}))


NAMES = [
    "type", "text", "source", "content", "role", "name", "id", "input", "url", "data", "media_type", "tool_use_id",
    "cache_control", "ttl", "citations", "enabled", "title", "context", "thinking", "signature", "budget_tokens",
    "input_schema", "effort", "format", "schema", "is_error", "user_id", "display", "strict", "caller", "cited_text",
]  # fmt: skip
WORDS = [
    "text", "image", "document", "search_result", "tool_use", "tool_result", "thinking", "redacted_thinking", "user",
    "assistant", "system", "base64", "url", "content", "file", "ephemeral", "1h", "enabled", "adaptive", "any", "tool",
    "json_schema", "application/pdf", "text/plain", "https://x.test", "gw1.gemini.x", "", "server_tool_use", "low",
]  # fmt: skip
TOP = [
    "system", "messages", "tools", "tool_choice", "thinking", "output_config", "metadata", "service_tier", "speed",
    "max_tokens", "temperature", "stop_sequences", "container", "novel",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-2, 5000) | st.floats(allow_nan=False) | st.sampled_from(WORDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)
BLOCKS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6).flatmap(
    lambda block: st.sampled_from(WORDS).map(lambda kind: {**block, "type": kind})
)
MESSAGES = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "system"]),
        st.lists(BLOCKS, max_size=3) | JSON,
    ),
    max_size=3,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(TOP), JSON, max_size=5), MESSAGES)
def test_any_json_is_read_or_refused(body: dict[str, Any], messages: list[Any]) -> None:
    """Never another error; and what was read, every dialect writes as JSON or refuses likewise."""
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in {"messages": messages, **body}.items()}
    try:
        conversation = GRAMMAR.read_request(Request(dialect=ANTHROPIC, model="m", fields=fields))
    except InvalidRequest as error:
        assert error.param
        return
    for grammar in GRAMMARS.values():
        try:
            written, _ = grammar.write_request(conversation, default_max_tokens=None)
        except InvalidRequest as error:
            assert error.param
        else:
            assert msgspec.json.decode(msgspec.json.encode(written))


def test_the_message_of_an_error_holds_nothing_of_the_caller() -> None:
    with pytest.raises(InvalidRequest) as caught:
        reads(user({"type": "SECRET", "text": "SECRET", "cache_control": EPHEMERAL}))
    assert "SECRET" not in caught.value.message
