"""The sixteen faults through the whole door. With `--slow` they take the list's own time (a minute and a half)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.llm.failover.faults_page import page
from tests.llm.failover.lists import Lists, complaints
from tests.llm.failover.stage import GUARDS, Setting

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
STREAMED = [Setting(transport, guard) for transport in ("lean", "aiohttp") for guard in GUARDS]
MESSAGES = [Setting("lean", "no guard", "messages"), Setting("aiohttp", "until finish", "messages")]
WHOLE = [Setting("lean", caller="chat", stream=False), Setting("aiohttp", caller="messages", stream=False)]
SETTINGS = [*STREAMED, *MESSAGES, *WHOLE]


@pytest.fixture(scope="module")
def lists(request: pytest.FixtureRequest) -> Lists:
    return Lists(SETTINGS, slow=bool(request.config.getoption("slow")))


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_the_list(setting: Setting, lists: Lists) -> None:
    if text := complaints(await lists.of(setting), setting):
        pytest.fail(text, pytrace=False)


async def test_thirteen_pass_and_three_are_safe(lists: Lists) -> None:
    """By default, and over both transports. No fault is partial, and none fails."""
    for setting in (Setting("lean"), Setting("aiohttp")):
        words = Counter(verdict.word for verdict in (await lists.of(setting)).values())
        assert words == {"passed": 13, "safe": 3}


async def test_with_a_guard_all_pass(lists: Lists) -> None:
    for setting in (Setting("lean", "200 characters"), Setting("aiohttp", "until finish")):
        words = Counter(verdict.word for verdict in (await lists.of(setting)).values())
        assert words == {"passed": 16}


def test_the_page_is_what_the_list_says() -> None:
    """Renewed by `python -m tests.llm.failover.faults_page > docs/faults.md`."""
    assert PAGE.read_text() == page()
