"""What a request needs, against what a model declares; and the page of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm.capabilities import CAPABILITIES, WORDS, missing
from llm.errors import InvalidRequest
from llm.policies import capability, route
from llm.policies.capability import RULES, Need
from llm.policies.plan import Plan
from llm.snapshot import Caller, Model, Route, RouteTarget
from llm.spec import Dialect, Request
from tests.llm.policies.capability_page import page
from tests.llm.service.snapshots import snapshot, upstream

PAGE = Path(__file__).parents[3] / "docs" / "capabilities.md"
FUNCTION = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
TEXT = [{"role": "user", "content": "Hi."}]


def says(*parts: object) -> list[object]:
    return [{"role": "user", "content": list(parts)}]


PICTURE = says({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})
SOUND = says({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}})
PDF = says({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}})

# (dialect, body, {capability: the field that asks for it})
ASKED: list[tuple[Dialect, dict[str, Any], dict[str, str]]] = [
    ("openai_chat", {"messages": TEXT}, {}),
    ("openai_chat", {"messages": TEXT, "temperature": 1, "stream": True}, {}),
    ("openai_chat", {"messages": TEXT, "tools": [FUNCTION]}, {"tools": "tools"}),
    ("openai_chat", {"messages": TEXT, "functions": [{"name": "f"}]}, {"tools": "functions"}),
    ("openai_chat", {"messages": TEXT, "tools": [], "functions": None}, {}),
    ("openai_chat", {"messages": PICTURE}, {"vision": "messages"}),
    ("openai_chat", {"messages": SOUND}, {"audio": "messages"}),
    ("openai_chat", {"messages": PDF}, {"documents": "messages"}),
    ("openai_chat", {"messages": TEXT, "response_format": SCHEMA}, {"json": "response_format"}),
    ("openai_chat", {"messages": TEXT, "response_format": {"type": "json_object"}}, {"json": "response_format"}),
    ("openai_chat", {"messages": TEXT, "response_format": {"type": "text"}}, {}),
    ("openai_chat", {"messages": TEXT, "response_format": None}, {}),
    ("openai_chat", {"messages": TEXT, "reasoning_effort": "high"}, {}),
    (
        "openai_chat",
        {"messages": [*PICTURE, *SOUND], "tools": [FUNCTION], "response_format": SCHEMA},
        {"tools": "tools", "vision": "messages", "audio": "messages", "json": "response_format"},
    ),
    ("openai_responses", {"input": "Hi.", "tools": [{"type": "function", "name": "f"}]}, {"tools": "tools"}),
    ("openai_responses", {"input": says({"type": "input_image", "image_url": "?"})}, {"vision": "input"}),
    ("openai_responses", {"input": "Hi.", "text": {"format": SCHEMA}}, {"json": "text.format"}),
    ("openai_responses", {"input": "Hi.", "text": {"format": {"type": "text"}, "verbosity": "low"}}, {}),
    ("openai_responses", {"previous_response_id": "r"}, {}),
    ("anthropic_messages", {"messages": TEXT, "tools": [{"name": "f"}]}, {"tools": "tools"}),
    ("anthropic_messages", {"messages": says({"type": "image", "source": {}})}, {"vision": "messages"}),
    (
        "anthropic_messages",
        {"messages": says({"type": "document", "source": {"type": "base64"}})},
        {"documents": "messages"},
    ),
    ("anthropic_messages", {"messages": TEXT, "output_config": {"format": SCHEMA}}, {"json": "output_config.format"}),
    ("anthropic_messages", {"messages": TEXT, "output_config": {"effort": "low"}}, {}),
    ("anthropic_messages", {"messages": TEXT, "output_format": SCHEMA}, {"json": "output_format"}),
    ("gemini", {"contents": [], "tools": [{"functionDeclarations": []}]}, {"tools": "tools"}),
    ("gemini", {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png"}}]}]}, {"vision": "contents"}),
    (
        "gemini",
        {"contents": [], "generationConfig": {"responseMimeType": "application/json"}},
        {"json": "generationConfig.responseMimeType"},
    ),
    ("gemini", {"contents": [], "generationConfig": {"responseMimeType": "text/plain"}}, {}),
    ("openai_completions", {"prompt": "Hi."}, {}),
]


def request(dialect: Dialect, body: dict[str, Any], **changes: Any) -> Request:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    return Request(dialect, "p/m", fields, **changes)


def plan(*models: Model, fallbacks: tuple[Model, ...] = ()) -> Plan:
    """All of one route, in order."""
    targets, behind = (
        tuple(RouteTarget(one.provider_id, one.model_id, priority=place + 1) for place, one in enumerate(some))
        for some in (models, fallbacks)
    )
    config = snapshot([upstream("p")], [*models, *fallbacks], [Route("r", targets, behind)])
    return route.plan(config, Caller("default", None), "r", now=0, random=lambda: 0.0)


def model(name: str, *words: str) -> Model:
    return Model("p", name, capabilities=frozenset(words))


def names(found: Plan) -> tuple[list[str], list[str]]:
    return [one.model_id for one in found.candidates], [one.model_id for one in found.fallbacks]


@pytest.mark.parametrize(("dialect", "body", "wanted"), ASKED)
def test_what_a_request_needs(dialect: Dialect, body: dict[str, Any], wanted: dict[str, str]) -> None:
    asked = request(dialect, body)
    assert {need.capability: need.field for need in capability.needs(asked, CAPABILITIES)} == wanted
    for rule in RULES:
        found = [need.capability for need in capability.needs(asked, {rule.capability})]
        assert found == [rule.capability] * (rule.capability in wanted), "only what is asked about is told"


@pytest.mark.parametrize(("dialect", "body", "wanted"), ASKED)
def test_a_model_is_asked_exactly_where_it_has_all_that_is_needed(
    dialect: Dialect, body: dict[str, Any], wanted: dict[str, str]
) -> None:
    asked = request(dialect, body)
    for silent in (model("m"), model("m", *wanted, "text"), model("m", "fast", "cheap")):
        assert names(capability.kept(plan(silent), asked)) == (["m"], [])
    for lacking in wanted:
        declared = (CAPABILITIES - {lacking, "vision"}) if lacking == "documents" else CAPABILITIES - {lacking}
        refusal = capability.kept(plan(model("m", *declared)), asked).error
        assert isinstance(refusal, InvalidRequest)
        assert (refusal.param, refusal.status) == (wanted[lacking], 400)
        assert "'p/m'" in refusal.message and f"'{lacking}'" in refusal.message


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        ((), ()),
        (("fast", "streaming", "\ud800"), ()),
        (("text",), ("tools", "vision", "audio", "documents", "json", "reasoning")),
        (("chat", "fast"), ("tools", "vision", "audio", "documents", "json", "reasoning")),
        (("Tools", "JSON mode", "supports_vision"), ("audio", "reasoning")),
        (("function-calling", "structured_outputs", "pdf", "thinking"), ("vision", "audio")),
        (tuple(CAPABILITIES), ()),
    ],
)
def test_what_a_declaration_leaves_out(words: tuple[str, ...], lacking: tuple[str, ...]) -> None:
    assert missing(frozenset(words)) == set(lacking)


def test_those_that_can_are_kept_in_their_order_and_the_others_have_a_reason() -> None:
    models = [model("plain", "text"), model("silent"), model("able", "tools"), model("seeing", "vision")]
    asked = request("openai_chat", {"messages": TEXT, "tools": [FUNCTION]})
    found = capability.kept(plan(*models[:2], fallbacks=tuple(models[2:])), asked)
    assert names(found) == (["silent"], ["able"])
    assert (found.route, found.policy) == ("r", plan(*models).policy)
    skipped = [(one.model, one.role, one.reason) for one in found.skipped]
    assert skipped == [
        ("p/plain", "target", "capability missing: tools"),
        ("p/seeing", "fallback", "capability missing: tools"),
    ]
    needed = capability.needs(asked, {"tools"})
    reasons = [lack and lack.reason for lack in (capability.lack(one, needed) for one in models)]
    assert reasons == ["capability missing: tools", None, None, "capability missing: tools"]
    assert capability.lack(models[0], needed) == Need("tools", "tools", "tools")


def test_only_fallbacks_may_be_left() -> None:
    asked = request("openai_chat", {"messages": PICTURE})
    found = capability.kept(plan(model("plain", "text"), fallbacks=(model("seeing", "vision"),)), asked)
    assert names(found) == ([], ["seeing"])


def test_a_call_without_a_model_is_told_the_route() -> None:
    asked = request("openai_chat", {"messages": TEXT, "tools": [FUNCTION]})
    asked.model = ""
    refusal = capability.kept(plan(model("plain", "text")), asked).error
    assert refusal is not None and refusal.message.startswith("The model 'r' does not support tools")


def test_a_surface_is_the_provider_s_own_business() -> None:
    body = {"messages": PICTURE, "tools": [{"name": "f"}], "thinking": {"type": "enabled"}}
    asked = request("anthropic_messages", body, surface="messages/count_tokens")
    whole = plan(model("m", "text"))
    assert capability.kept(whole, asked) is whole
    assert capability.without(asked, whole.candidates[0].model) == (asked, ())


def test_a_plain_prompt_of_100_kb_is_not_read() -> None:
    """The bytes are no JSON: to read them would fail."""
    unreadable = Request("openai_chat", "m", {"messages": msgspec.Raw(b'[{"content": "' + b"plain text " * 9000)})
    for words in ((), ("vision",), ("vision", "audio", "documents"), ("text",)):
        whole = plan(model("m", *words))
        assert capability.kept(whole, unreadable) is whole


def test_an_image_is_not_read_for_a_model_that_sees() -> None:
    unreadable = Request("openai_chat", "m", {"messages": msgspec.Raw(b'[{"type": "image_url"')})
    for words in ((), ("vision",), ("fast",)):
        whole = plan(model("m", *words))
        assert capability.kept(whole, unreadable) is whole
    with pytest.raises(InvalidRequest):
        capability.kept(plan(model("m", "text")), unreadable)


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [
        ("openai_chat", "reasoning_effort", "high"),
        ("openai_responses", "reasoning", {"effort": "high"}),
        ("anthropic_messages", "thinking", {"type": "enabled", "budget_tokens": 1024}),
    ],
)
def test_reasoning_is_left_out_for_a_model_without(dialect: Dialect, name: str, value: object) -> None:
    asked = request(dialect, {"messages": TEXT, name: value, "top_p": 1}, stream=True, headers={"a": "b"})
    left, dropped = capability.without(asked, model("m", "tools"))
    assert dropped == (name,)
    assert list(left.fields) == ["messages", "top_p"] and name in asked.fields
    assert (left.dialect, left.model, left.stream, left.headers) == (dialect, "p/m", True, {"a": "b"})
    for able in (model("m"), model("m", "fast"), model("m", "reasoning")):
        assert capability.without(asked, able) == (asked, ())
    assert names(capability.kept(plan(model("m", "tools")), asked)) == (["m"], [])


def test_what_says_nothing_is_not_named() -> None:
    asked = request("openai_chat", {"messages": TEXT, "reasoning_effort": None})
    left, dropped = capability.without(asked, model("m", "text"))
    assert (list(left.fields), dropped) == (["messages"], ())
    plain = request("openai_chat", {"messages": TEXT})
    assert capability.without(plain, model("m", "text"))[0] is plain


def test_fields_that_cannot_be_read_are_the_caller_s_fault() -> None:
    asked = Request("openai_chat", "m", {"response_format": msgspec.Raw(b"{")})
    with pytest.raises(InvalidRequest) as caught:
        capability.needs(asked, {"json"})
    assert caught.value.param == "response_format"


def test_the_table_is_whole() -> None:
    assert [rule.capability for rule in RULES] == ["tools", "vision", "audio", "documents", "json", "reasoning"]
    assert set(WORDS.values()) == {*CAPABILITIES, "text"}
    assert all(missing(frozenset([word])) for word in WORDS), "each word alone is a declaration"
    asked = {(dialect, one) for dialect, _, wanted in ASKED for one in wanted}
    assert asked >= {(dialect, "tools") for dialect in ("openai_chat", "openai_responses", "anthropic_messages")}


def test_the_page_is_the_table() -> None:
    """Renewed by `python -m tests.llm.policies.capability_page > docs/capabilities.md`."""
    assert PAGE.read_text() == page()
