"""Known servers: found by their address, given what they take, and the rest is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm.adapters.compatible_rows import ROWS, CompatibleRow, row_of, table
from llm.adapters.openai_compatible import OpenAICompatible
from llm.spec import Request
from tests.llm.adapters.doubles import CHAT_ANSWER, ScriptedAnswer, ScriptedTransport, request, target

GUIDE = Path(__file__).parents[3] / "docs" / "add-a-provider.md"
MISTRAL = "https://api.mistral.ai/v1"


async def asked(base_url: str, said: Request, **changes: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the server got, and what the caller is told was dropped."""
    transport = ScriptedTransport(ScriptedAnswer(CHAT_ANSWER, content_type="application/json"))
    made = target(kind="openai_compatible", base_url=base_url, **changes)
    result = await OpenAICompatible(transport).complete(said, made)
    return msgspec.json.decode(transport.sent[0].body), result.dropped


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
async def test_a_known_server_gets_no_field_that_it_refuses(row: CompatibleRow) -> None:
    assert row_of(row.base_url) is row
    fields: dict[str, Any] = {**dict.fromkeys(row.refused, 1), **dict.fromkeys(row.renamed, 2), "temperature": 0.5}
    body, dropped = await asked(row.base_url, request(**fields))
    assert dropped == row.refused
    assert not body.keys() & {*row.refused, *row.renamed}
    assert {name: body[name] for name in row.renamed.values()} == dict.fromkeys(row.renamed.values(), 2)
    assert body["temperature"] == 0.5


async def test_an_unknown_server_gets_every_field() -> None:
    fields = {"logit_bias": {"1": 2}, "user": "u", "max_completion_tokens": 5, "seed": 1}
    body, dropped = await asked("https://llm.example:8443/v1", request(**fields))
    assert fields.items() <= body.items() and dropped == ()


async def test_of_two_words_for_one_thing_the_servers_own_stays_and_the_other_is_named() -> None:
    body, dropped = await asked(MISTRAL, request(max_tokens=5, max_completion_tokens=9))
    assert (body["max_tokens"], dropped) == (5, ("max_completion_tokens",))


async def test_the_operators_extra_body_is_not_judged() -> None:
    body, dropped = await asked(MISTRAL, request(user="caller"), extra_body={"user": "operator"})
    assert (body["user"], dropped) == ("operator", ())


async def test_losses_of_a_translation_and_of_a_server_are_told_together() -> None:
    said = request("anthropic_messages", max_tokens=5, brand_new=1, metadata={"user_id": "u"})
    body, dropped = await asked(MISTRAL, said)
    assert body["max_tokens"] == 5 and "user" not in body
    assert set(dropped) >= {"brand_new"} and len(dropped) == 2


def test_the_guide_has_the_rows_and_says_that_they_are_not_verified() -> None:
    text = GUIDE.read_text()
    assert table() in text
    assert "not verified against the live service" in text
