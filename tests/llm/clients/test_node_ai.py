"""The package `ai` for Node, whose providers for the three dialects are clients of their own."""

from __future__ import annotations

import pytest

from tests.llm.clients.conftest import Node
from tests.llm.clients.scene import CITIES, COMMENTS, REPORT, SILENCES, SUNNY, Comments
from tests.support.upstream import FakeUpstream
from tests.support.upstream_surfaces import VECTOR

CHATS = ("chat:oa/m", "chat:an/m", "chat:e/echo")
MESSAGES = ("messages:oa/m", "messages:an/m", "messages:e/echo")
RESPONSES = ("responses:an/m", "responses:e/echo")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("scenario", ["whole", "streamed"])
async def test_it_gets_an_answer(node: Node, scenario: str) -> None:
    for found in (await node("ai", scenario, *CHATS, *MESSAGES, *RESPONSES)).values():
        assert "Hello there" in found["text"] and found["finish"] == "stop"
        assert found["usage"]["inputTokens"] > 0 and found["usage"]["outputTokens"] > 0


async def test_it_reads_the_provider_s_own_responses(node: Node) -> None:
    found = (await node("ai", "streamed", "responses:oa/m"))["responses:oa/m"]
    assert found["text"] and found["finish"] == "stop"


async def test_it_runs_tools_and_goes_on(node: Node) -> None:
    models = [f"{api}:{provider}/m" for api in ("chat", "messages") for provider in ("oa", "an")]
    for found in (await node("ai", "tools", *models, "responses:an/m")).values():
        assert (found["asked"], found["text"], found["steps"]) == (list(CITIES), SUNNY, 2)


async def test_it_gets_objects(node: Node) -> None:
    models = ("chat:oa/m", "chat:an/m", "messages:oa/m", "messages:an/m", "responses:an/m")
    assert list((await node("ai", "object", *models)).values()) == [REPORT] * len(models)


async def test_it_passes_comments_over(node: Node, comments: Comments) -> None:
    silent = ("chat:oa/m", "chat:an/m", "messages:oa/m", "messages:an/m", "responses:an/m")
    slow = ("chat:e/slow", "messages:e/slow", "responses:e/slow")
    for model, found in (await node("ai", "silence", *silent, *slow)).items():
        assert found["text"].endswith("silence" if model in slow else "one two three")
        assert found["finish"] == "stop"
    assert comments.sent > len(silent) * SILENCES * COMMENTS


async def test_a_stream_that_is_cut_is_an_error(node: Node) -> None:
    for found in (await node("ai", "cut", "chat:oa/m", "messages:an/m", "responses:an/m")).values():
        assert found["errors"] and found["finish"] != "stop"


async def test_errors_are_told_with_their_status(node: Node, provider: FakeUpstream) -> None:
    for found in (await node("ai", "errors", "chat:oa/m", "messages:an/m", "responses:an/m")).values():
        assert [found[name]["status"] for name in ("key", "model", "limit")] == [401, 404, 429]
        assert "nothing" in found["model"]["message"]
    assert len(provider.requests) == 3


async def test_it_gets_embeddings(node: Node) -> None:
    found = await node("ai", "embeddings", "oa/m", "e/echo")
    assert found["oa/m"] == pytest.approx(VECTOR) and len(found["e/echo"]) == 64
