"""The official OpenAI client for Node, over each kind of provider."""

from __future__ import annotations

import pytest

from tests.llm.clients.conftest import Node
from tests.llm.clients.scene import CITIES, COMMENTS, SILENCES, Comments
from tests.support.upstream import FakeUpstream
from tests.support.upstream_surfaces import VECTOR

MODELS = ("oa/m", "an/m", "e/echo")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("scenario", ["whole", "streamed"])
async def test_it_gets_an_answer(node: Node, scenario: str) -> None:
    for found in (await node("openai", scenario, *MODELS)).values():
        assert (found["finish_reason"], found["calls"]) == ("stop", [])
        assert "Hello there" in found["text"]
        usage = found["usage"]
        assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 2


async def test_it_folds_streamed_calls_of_tools(node: Node) -> None:
    for found in (await node("openai", "tools", "oa/m", "an/m", "e/caller")).values():
        assert [call["name"] for call in found["calls"]] == ["weather", "weather"]
        told = [call["arguments"].replace(" ", "") for call in found["calls"]]
        assert told == [f'{{"city":"{city}"}}' for city in CITIES]
        assert found["finish_reason"] == "tool_calls"


async def test_it_passes_comments_over(node: Node, comments: Comments) -> None:
    for model, found in (await node("openai", "silence", "oa/m", "an/m", "e/slow")).items():
        assert found["text"].endswith("silence" if model == "e/slow" else "one two three")
        assert found["finish_reason"] == "stop"
    assert comments.sent > 2 * SILENCES * COMMENTS


async def test_a_stream_that_is_cut_is_an_error(node: Node) -> None:
    for found in (await node("openai", "cut", "oa/m", "an/m")).values():
        assert (found["name"], found.get("status")) == ("APIError", None)


async def test_errors_become_its_own_classes_without_further_calls(node: Node, provider: FakeUpstream) -> None:
    for found in (await node("openai", "errors", "oa/m", "an/m")).values():
        assert (found["key"]["name"], found["key"]["status"]) == ("AuthenticationError", 401)
        assert (found["model"]["name"], found["model"]["status"]) == ("NotFoundError", 404)
        assert (found["limit"]["name"], found["limit"]["status"]) == ("RateLimitError", 429)
        assert "nothing" in found["model"]["message"]
    assert len(provider.requests) == 2


async def test_it_unpacks_embeddings(node: Node) -> None:
    """It asks for base64 by itself."""
    found = await node("openai", "embeddings", "oa/m", "e/echo")
    assert found["oa/m"]["packed"] == pytest.approx(VECTOR) and found["oa/m"]["plain"] == VECTOR
    assert len(found["e/echo"]["packed"]) == 64
    assert found["e/echo"]["packed"] == pytest.approx(found["e/echo"]["plain"], abs=1e-6)


async def test_it_reads_streamed_responses(node: Node) -> None:
    found = await node("openai", "responses", *MODELS)
    for told in found.values():
        assert (told["types"][0], told["types"][-1]) == ("response.created", "response.completed")
        assert told["text"] and told["status"] == "completed"
        assert told["usage"]["output_tokens"] > 0
    assert all("Hello there" in found[model]["text"] for model in MODELS[1:])


async def test_it_lists_models(node: Node) -> None:
    found = await node("openai", "models", "e/echo")
    assert {"oa/m", "an/m", "e/echo"} <= set(found["e/echo"])
