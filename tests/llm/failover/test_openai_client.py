"""The same list with a stock `openai` client in front, which repeats by itself what fails: the providers must not be
asked more often for it (each scenario's bounds are the same), and it has the answer or an exception of its own."""

from __future__ import annotations

import pytest

from tests.llm.failover.lists import Lists, complaints
from tests.llm.failover.stage import Setting

CLIENT = "openai client"
SETTINGS = [
    Setting("lean", "no guard", CLIENT),
    Setting("lean", "200 characters", CLIENT),
    Setting("aiohttp", "no guard", CLIENT),
    Setting("lean", "no guard", CLIENT, stream=False),
]


@pytest.fixture(scope="module")
def lists(request: pytest.FixtureRequest) -> Lists:
    # Two at a time: each call makes a client, and that holds the loop up for as long as a second of the list.
    return Lists(SETTINGS, slow=bool(request.config.getoption("slow")), together=2)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_the_list(setting: Setting, lists: Lists) -> None:
    if text := complaints(await lists.of(setting), setting):
        pytest.fail(text, pytrace=False)
