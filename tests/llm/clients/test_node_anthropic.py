"""The official Anthropic client for Node, over each kind of provider."""

from __future__ import annotations

import pytest

from tests.llm.clients.conftest import Node
from tests.llm.clients.scene import CITIES, COMMENTS, COUNTED, SILENCES, Comments
from tests.support.upstream import FakeUpstream

MODELS = ("oa/m", "an/m", "e/echo")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("scenario", ["whole", "streamed"])
async def test_it_gets_an_answer(node: Node, scenario: str) -> None:
    for found in (await node("anthropic", scenario, *MODELS)).values():
        assert (found["stop_reason"], found["calls"]) == ("end_turn", [])
        assert "Hello there" in found["text"]
        assert found["usage"]["input_tokens"] > 0 and found["usage"]["output_tokens"] > 0


async def test_it_folds_streamed_calls_of_tools(node: Node) -> None:
    for found in (await node("anthropic", "tools", "oa/m", "an/m", "e/caller")).values():
        assert [(call["name"], call["input"]) for call in found["calls"]] == [("weather", {"city": c}) for c in CITIES]
        assert found["stop_reason"] == "tool_use"


async def test_it_passes_comments_over(node: Node, comments: Comments) -> None:
    for model, found in (await node("anthropic", "silence", "oa/m", "an/m", "e/slow")).items():
        assert found["text"].endswith("silence" if model == "e/slow" else "one two three")
        assert found["stop_reason"] == "end_turn"
    assert comments.sent > 2 * SILENCES * COMMENTS


async def test_a_stream_that_is_cut_is_an_error(node: Node) -> None:
    for found in (await node("anthropic", "cut", "oa/m", "an/m")).values():
        assert (found["name"], found.get("status")) == ("APIError", None)


async def test_errors_become_its_own_classes_without_further_calls(node: Node, provider: FakeUpstream) -> None:
    for found in (await node("anthropic", "errors", "oa/m", "an/m")).values():
        assert (found["key"]["name"], found["key"]["status"]) == ("AuthenticationError", 401)
        assert (found["model"]["name"], found["model"]["status"]) == ("NotFoundError", 404)
        assert (found["limit"]["name"], found["limit"]["status"]) == ("RateLimitError", 429)
        assert "nothing" in found["model"]["message"]
    assert len(provider.requests) == 2


async def test_it_counts_tokens(node: Node, provider: FakeUpstream) -> None:
    """The provider counts where it can; for the others it is an estimate."""
    found = await node("anthropic", "count", *MODELS)
    assert found["an/m"] == COUNTED
    assert 0 < found["oa/m"] < COUNTED and 0 < found["e/echo"] < COUNTED
    assert [request.path for request in provider.requests] == ["/v1/messages/count_tokens"]


async def test_it_lists_models(node: Node) -> None:
    found = await node("anthropic", "models", "e/echo")
    assert {"oa/m", "an/m", "e/echo"} <= set(found["e/echo"])
