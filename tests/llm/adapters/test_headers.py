"""Where a call goes and which headers it carries."""

from __future__ import annotations

from typing import Any

import pytest

from llm.adapters import adapter
from llm.spec import Request
from llm.transport.base import Outbound
from tests.llm.adapters.doubles import (
    CHAT_ANSWER,
    MESSAGE_ANSWER,
    ScriptedAnswer,
    ScriptedTransport,
    request,
    target,
)


async def sent(kind: str, asked: Request | None = None, **changes: Any) -> Outbound:
    answer = MESSAGE_ANSWER if kind == "anthropic" else CHAT_ANSWER
    transport = ScriptedTransport(ScriptedAnswer(answer, content_type="application/json"))
    await adapter(kind, transport).complete(asked or request(), target(kind=kind, **changes))
    return transport.sent[0]


def messages(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request("anthropic_messages", headers=named, max_tokens=5)


@pytest.mark.parametrize(
    ("kind", "base_url", "url"),
    [
        ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("azure_openai", "https://r.example/openai/v1/", "https://r.example/openai/v1/chat/completions"),
        ("openai_compatible", "http://gpu:8000/v1", "http://gpu:8000/v1/chat/completions"),
        ("openai_compatible", "https://x.example/inference", "https://x.example/inference/chat/completions"),
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://x.example/claude", "https://x.example/claude/v1/messages"),
    ],
)
async def test_the_address_of_a_kind(kind: str, base_url: str, url: str) -> None:
    assert (await sent(kind, base_url=base_url)).url == url


async def test_a_kind_that_needs_no_key_sends_none() -> None:
    outbound = await sent("openai_compatible")
    assert not {"authorization", "x-api-key"} & set(outbound.headers)


async def test_the_version_of_anthropics_dialect() -> None:
    default = (await sent("anthropic", messages())).headers
    assert (default["anthropic-version"], default.get("anthropic-beta")) == ("2023-06-01", None)
    newer = (await sent("anthropic", messages(anthropic_version="2026-10-21", anthropic_beta="a,b"))).headers
    assert (newer["anthropic-version"], newer["anthropic-beta"]) == ("2026-10-21", "a,b")
    pinned = {"Anthropic-Version": "2023-01-01", "Anthropic-Beta": "c"}
    both = await sent("anthropic", messages(anthropic_version="2026-10-21", anthropic_beta="a"), headers=pinned)
    assert (both.headers["anthropic-version"], both.headers["anthropic-beta"]) == ("2023-01-01", "a,c")
    assert (await sent("anthropic", headers=pinned)).headers["anthropic-beta"] == "c"


async def test_headers_of_another_dialect_stay_behind() -> None:
    outbound = await sent("openai", messages(anthropic_version="2026-10-21", anthropic_beta="a"))
    assert not [name for name in outbound.headers if name.startswith("anthropic")]


async def test_the_callers_organization_is_not_the_keys() -> None:
    named = {"openai-organization": "org-caller", "openai-project": "p-caller", "openai-beta": "assistants=v2"}
    outbound = await sent("openai", request(headers=named), headers={"OpenAI-Organization": "org-operator"})
    assert outbound.headers["openai-organization"] == "org-operator"
    assert "openai-project" not in outbound.headers
    assert outbound.headers["openai-beta"] == "assistants=v2"


async def test_the_operators_own_credentials_win_and_stand_once() -> None:
    outbound = await sent("openai_compatible", secret="sk-stored", headers={"Authorization": "Basic abc"})
    assert [value for name, value in outbound.headers.items() if name.lower() == "authorization"] == ["Basic abc"]


async def test_what_is_sent_shows_no_key_in_its_repr() -> None:
    outbound = await sent("openai", secret="sk-very-secret")
    assert outbound.headers["authorization"] == "Bearer sk-very-secret"
    assert "sk-very-secret" not in repr(outbound)
