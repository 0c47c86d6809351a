"""What all tests share: real servers, the mark `database`, and a word at the end about what could not be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import postgres, redis

MISSING = "not available: "
# What they test is the same on every database: pages, which selectors read; what is refused; what is built and written.
ONCE = frozenset(
    {
        "test_backoffice.py",
        "test_config_api.py",
        "test_config_file.py",
        "test_config_properties.py",
        "test_discovery.py",
        "test_keys_never_come_back.py",
        "test_listings.py",
        "test_nothing_leaks.py",
        "test_parameters_of_kinds.py",
        "test_route_explain.py",
        "test_route_policy.py",
        "test_snapshot_part.py",
        "test_testing.py",
    }
)
TESTS = Path(__file__).parent
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server"})


def pytest_addoption(parser: pytest.Parser) -> None:
    long = "the long form of tests that have one (the transport's soak, the sixteen faults in their own time)"
    parser.addoption("--slow", action="store_true", help=long)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--slow"):
        settings.register_profile("quick", max_examples=60)
        settings.load_profile("quick")
    config.addinivalue_line("markers", "database: needs Django's database; runs on SQLite and again on PostgreSQL")
    config.addinivalue_line("markers", "one_database: what it tests is the same on every database; runs once")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        needs = fixtures or item.get_closest_marker("django_db") is not None
        once = is_once(item.path) or item.get_closest_marker("one_database") is not None
        if needs and not once:
            item.add_marker(pytest.mark.database)


def is_once(path: Path) -> bool:
    return path.parent == TESTS / "admin" or (path.parent == TESTS / "providers" and path.name in ONCE)


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
