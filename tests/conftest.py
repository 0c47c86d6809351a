"""What all tests share: real servers, the mark `database`, and a word at the end about what could not be had."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.support import databases, postgres, redis

MISSING = "not available: "
DATA_PLANE = ("tests/contract/", "tests/llm/")
# What pytest-django does for each test: nothing that one of the ten thousand without Django needs.
OF_DJANGO = frozenset(
    {
        "_dj_autoclear_mailbox",
        "_django_clear_site_cache",
        "_django_db_marker",
        "_django_isolate_apps",
        "_django_set_urlconf",
        "_django_setup_unittest",
        "_live_server_helper",
        "_template_string_if_invalid_marker",
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    long = "the long form of tests that have one (the transport's soak, the sixteen faults in their own time)"
    parser.addoption("--slow", action="store_true", help=long)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--slow"):
        settings.register_profile("quick", max_examples=60, deadline=2000)  # ms: other processes run beside
        settings.load_profile("quick")
    config.addinivalue_line("markers", "database: needs Django's database; runs on SQLite and again on PostgreSQL")
    config.addinivalue_line("markers", "one_database: what it tests is the same on every database; runs once")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """The modules and tests stay to the end: the collector need not go through them again and again, once for each
    `gc.collect()` of a test too."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if databases.runs_on_each(item):
            item.add_marker(pytest.mark.database)
        elif item.nodeid.startswith(DATA_PLANE):
            item.fixturenames[:] = [name for name in item.fixturenames if name not in OF_DJANGO]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL: the one of LLM_GATEWAY_TEST_DATABASE_URL, else one of our own, a server per test process."""
    given = os.environ.get("LLM_GATEWAY_TEST_DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    try:
        with postgres.server() as url:
            yield url
    except postgres.NotAvailable as error:
        pytest.skip(f"{MISSING}{error}")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis of our own, a server per test process; nothing is in it at first."""
    try:
        with redis.server() as url:
            yield url
    except redis.NotAvailable as error:
        pytest.skip(f"{MISSING}{error}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Names what was missing on this machine. Read from the reports, as they come from other processes too."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    missing = sorted({reason.partition(MISSING)[2] for reason in reasons if MISSING in reason})
    for reason in missing:
        tests = sum(MISSING + reason in text for text in reasons)
        terminalreporter.write_line(f"Not tested here: {reason} ({tests} tests)", yellow=True)
