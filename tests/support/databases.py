"""Which tests run on SQLite and once more on PostgreSQL: the mark `database`."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# Where they are: the run on PostgreSQL collects no other folder.
FOLDERS = tuple(
    f"tests/{name}/" for name in ("access", "audit", "gateway_project", "llm_gateway_client", "providers", "rights")
)
FIXTURES = frozenset({"db", "transactional_db", "live_server"})
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


def runs_on_each(item: pytest.Item) -> bool:
    needs = FIXTURES.intersection(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db") is not None
    if not needs or is_once(item.path) or item.get_closest_marker("one_database") is not None:
        return False
    assert item.nodeid.startswith(FOLDERS), f"{item.nodeid} needs the database: its folder belongs into FOLDERS"
    return True


def is_once(path: Path) -> bool:
    return path.parent == TESTS / "admin" or (path.parent == TESTS / "providers" and path.name in ONCE)
