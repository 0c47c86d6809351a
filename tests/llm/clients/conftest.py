"""A gateway that comments on silences of 20 ms, over three providers: OpenAI's dialect, Anthropic's, and echo.

One for each file of tests, as clients are many: a file says `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from llm.snapshot import Model, Route, RoutePolicy, RouteTarget, Snapshot
from tests.llm.clients import node_process, scene
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import anthropic, openai, snapshot, upstream
from tests.support.upstream import FakeUpstream

Node = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Stage:
    provider: FakeUpstream
    door: Serving
    comments: scene.Comments


def configured(url: str) -> Snapshot:
    """`oa/m`, `an/m` and `e/echo`; `e/caller` calls tools, `e/slow` is silent between words. Nothing is repeated."""
    calls = [{"name": "weather", "arguments": {"city": city}} for city in scene.CITIES]
    models = [
        Model("oa", "m"),
        Model("an", "m"),
        Model("e", "echo"),
        Model("e", "caller", parameters={"tool_calls": calls}),
        Model("e", "slow", parameters={"tokens_per_second": 12}),
    ]
    policy = RoutePolicy(retries=0)
    routes = [Route(f"{name}/m", (RouteTarget(name, "m"),), policy=policy) for name in ("oa", "an")]
    return snapshot([openai("oa", url), anthropic("an", url), upstream("e")], models, routes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    comments = scene.Comments()
    async with FakeUpstream() as provider, Serving(configured(provider.url), keep_alive=0.02) as door:
        provider.default = scene.played(comments)
        door.app = comments.counted(door.app)
        yield Stage(provider, door, comments)


@pytest.fixture
def door(stage: Stage) -> Serving:
    return stage.door


@pytest.fixture
def provider(stage: Stage) -> FakeUpstream:
    """As if nothing had been asked of it yet."""
    stage.provider.requests.clear()
    return stage.provider


@pytest.fixture
def comments(stage: Stage) -> scene.Comments:
    """As if none had been sent yet."""
    stage.comments.sent = 0
    return stage.comments


@pytest.fixture
def node(stage: Stage) -> Node:
    """`await node("openai", "whole", *models)`: what that scenario of tests/node/openai.mjs found, by model."""
    node_process.needed()

    async def run(client: str, scenario: str, *models: str) -> Any:
        return await node_process.run(client, scenario, models, url=stage.door.url)

    return run
