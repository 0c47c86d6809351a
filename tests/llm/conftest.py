"""Fixtures of the data plane's tests: a fake provider, and a configuration that reaches it in both dialects."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llm.snapshot import Route, RoutePolicy, RouteTarget, Snapshot
from llm.spec import Timeouts
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import anthropic, openai, snapshot, upstream
from tests.support.upstream import FakeUpstream


@pytest.fixture
async def provider() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
def config(provider: FakeUpstream) -> Snapshot:
    """Providers `oa` (openai), `an` (anthropic), `e` (echo); route `fast`: oa, then an."""
    upstreams = [openai("oa", provider.url), anthropic("an", provider.url), upstream("e")]
    fast = Route("fast", (RouteTarget("oa", "gpt-4o"), RouteTarget("an", "claude-sonnet-4-5", priority=2)))
    return snapshot(upstreams, ["oa/gpt-4o", "an/claude-sonnet-4-5", "e/echo"], [fast])


@pytest.fixture
async def door(config: Snapshot) -> AsyncIterator[Serving]:
    async with Serving(config) as serving:
        yield serving


@pytest.fixture
async def impatient(provider: FakeUpstream) -> AsyncIterator[Serving]:
    """Providers `oa`, `slow` (it waits 50 ms for a first byte) and `down`, without retries: a pause of 0 seconds."""
    upstreams = [
        openai("oa", provider.url),
        openai("slow", provider.url, timeouts=Timeouts(connect=2, first_byte=0.05, idle=2, total=2)),
        openai("down", "http://127.0.0.1:1"),
    ]
    routes = [
        Route(f"{one.provider_id}/gpt-4o", (RouteTarget(one.provider_id, "gpt-4o"),), policy=RoutePolicy(retries=0))
        for one in upstreams
    ]
    config = snapshot(upstreams, [f"{one.provider_id}/gpt-4o" for one in upstreams], routes)
    async with Serving(config) as serving:
        yield serving
