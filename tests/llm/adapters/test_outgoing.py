"""The body for a provider: what the caller said, then what the operator adds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.adapters.openai_compatible import OpenAICompatible
from llm.adapters.outgoing import build_body, build_surface_body
from llm.spec import COUNT, Dialect, Request
from tests.llm.adapters.doubles import request, target


def sent(asked: Request, to: Dialect = "openai_chat", *, renamed: Any = None, **changes: Any) -> dict[str, Any]:
    """The body as the provider decodes it."""
    body, _ = build_body(asked, target(**changes), dialect=to, renamed=renamed or {})
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return decoded


def test_parameters_fill_only_what_the_caller_left_out() -> None:
    body = sent(request(temperature=0.5), parameters={"temperature": 1, "top_p": 0.9})
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)


def test_a_null_of_the_caller_is_a_word_of_the_caller() -> None:
    assert sent(request(temperature=None), parameters={"temperature": 1})["temperature"] is None


@pytest.mark.parametrize(
    ("asked", "default"), [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
def test_two_words_for_one_bound_never_meet(asked: str, default: str) -> None:
    body = sent(request(**{asked: 5}), parameters={default: 9})
    assert body[asked] == 5 and default not in body


def test_extra_body_goes_over_all_but_the_call_itself() -> None:
    extra = {"temperature": 0, "model": "x", "messages": [], "stream": True, "stream_options": {}, "safe": True}
    body = sent(request(temperature=0.5), extra_body=extra)
    assert (body["temperature"], body["safe"], body["model"]) == (0, True, "served")
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert "stream" not in body and "stream_options" not in body


def test_the_bound_of_an_answer_that_nobody_bounded() -> None:
    asked = request()
    assert sent(asked, "anthropic_messages")["max_tokens"] > 0
    assert sent(asked, "anthropic_messages", max_tokens=77)["max_tokens"] == 77
    assert sent(asked, "anthropic_messages", max_tokens=77, parameters={"max_tokens": 9})["max_tokens"] == 9
    wrong = {"max_tokens": True}
    assert sent(asked, "anthropic_messages", max_tokens=77, parameters=wrong)["max_tokens"] == 77
    assert sent(request(max_tokens=5), "anthropic_messages", max_tokens=77)["max_tokens"] == 5
    assert "max_tokens" not in sent(asked, max_tokens=77)


def test_compatible_servers_get_the_older_word_for_the_bound() -> None:
    asked = request("anthropic_messages", max_tokens=5)
    assert sent(asked, "openai_chat")["max_completion_tokens"] == 5
    renamed = sent(asked, "openai_chat", renamed=OpenAICompatible.renamed)
    assert renamed["max_tokens"] == 5 and "max_completion_tokens" not in renamed
    untouched = sent(request(max_completion_tokens=5), renamed=OpenAICompatible.renamed)
    assert untouched["max_completion_tokens"] == 5 and "max_tokens" not in untouched


@pytest.mark.parametrize(
    ("surface", "filled"),
    [
        ("embeddings", {"dimensions": 8}),
        ("images/generations", {"size": "1x1"}),
        ("audio/speech", {"voice": "alloy"}),
        ("completions", {"temperature": 1}),
        ("moderations", {}),
    ],
)
def test_a_surface_gets_the_defaults_that_it_knows(surface: str, filled: dict[str, object]) -> None:
    defaults = {"dimensions": 8, "size": "1x1", "voice": "alloy", "temperature": 1, "tools": [], "model": "x"}
    asked = Request("openai_chat", "asked", {"input": msgspec.Raw(b'"a"')}, surface=surface)
    body = build_surface_body(asked, target(parameters=defaults, extra_body={"safe": True, "prompt": "b"}))
    assert msgspec.json.decode(msgspec.json.encode(body)) == {"input": "a", "model": "served", **filled, "safe": True}


def test_a_surfaces_caller_has_the_first_word_and_the_operator_the_last() -> None:
    fields = {"size": msgspec.Raw(b'"2x2"'), "quality": msgspec.Raw(b'"low"')}
    asked = Request("openai_chat", "asked", fields, surface="images/generations")
    body = build_surface_body(asked, target(parameters={"size": "1x1"}, extra_body={"quality": "high"}))
    assert msgspec.json.decode(msgspec.json.encode(body)) == {"size": "2x2", "quality": "high", "model": "served"}


def test_a_count_is_of_what_the_caller_wrote() -> None:
    asked = Request("anthropic_messages", "asked", {"messages": msgspec.Raw(b"[]")}, surface=COUNT)
    body = build_surface_body(asked, target(parameters={"max_tokens": 9}, extra_body={"temperature": 1}))
    assert msgspec.json.decode(msgspec.json.encode(body)) == {"messages": [], "model": "served"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner, max_size=3)
)
NAMES = st.text(min_size=1).filter(lambda name: name not in ("model", "messages", "stream", "stream_options"))


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_within_one_dialect_every_byte_of_a_field_survives(fields: dict[str, Any]) -> None:
    asked = request(**{}, headers=None)
    asked.fields.update({name: msgspec.Raw(b" " + msgspec.json.encode(value)) for name, value in fields.items()})
    body, dropped = build_body(asked, target(), dialect="openai_chat")
    assert dropped == ()
    assert {name: bytes(body[name]) for name in fields} == {name: bytes(asked.fields[name]) for name in fields}
