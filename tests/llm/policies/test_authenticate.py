"""Who calls: keys in headers, and projects that a trusted door names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llm.errors import InvalidApiKey, InvalidRequest
from llm.policies import authenticate
from llm.snapshot import Caller
from tests.llm.service.snapshots import KEY, snapshot

SNAPSHOT = snapshot()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"x-api-key": KEY},
        {"authorization": "Bearer placeholder", "x-api-key": KEY},
        {"authorization": f"Bearer {KEY}", "x-api-key": "placeholder"},
    ],
)
def test_a_key_is_found_in_either_header(headers: dict[str, str]) -> None:
    assert authenticate.by_key(SNAPSHOT, headers, now=0).project == "default"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Basic Z3ctdGVzdA=="},
        {"authorization": KEY},
        {"x-api-key": "gw-wrong"},
        {"x-api-key": KEY + "x"},
        {"x-api-key": KEY.upper()},
        {"x-api-key": "gw-\u00e9\u00fc"},
        {"x-api-key": "gw-" + "x" * 10_000},
    ],
)
def test_anything_else_is_refused_without_repeating_it(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidApiKey) as caught:
        authenticate.by_key(SNAPSHOT, headers, now=0)
    assert "gw-" in caught.value.message
    for value in headers.values():
        assert len(value) < 8 or value not in caught.value.message


def test_a_token_of_the_management_api_is_told_what_is_needed() -> None:
    with pytest.raises(InvalidApiKey, match="begins with gw-") as caught:
        authenticate.by_key(SNAPSHOT, {"authorization": "Bearer gwadm-secret-secret"}, now=0)
    assert "secret" not in caught.value.message


def test_a_key_ends_at_its_expiry() -> None:
    end = datetime(2026, 1, 1, tzinfo=UTC)
    config = snapshot(caller=Caller("default", "key-a", expires_at=end))
    assert authenticate.by_key(config, {"x-api-key": KEY}, now=end.timestamp() - 0.001).key_id == "key-a"
    with pytest.raises(InvalidApiKey, match="expired"):
        authenticate.by_key(config, {"x-api-key": KEY}, now=end.timestamp())


def test_a_project_is_named_by_a_trusted_door() -> None:
    assert authenticate.by_project(SNAPSHOT, "default").key_id is None


@pytest.mark.parametrize(("slug", "accepts"), [("default", False), ("unknown", True)])
def test_a_project_that_accepts_no_tasks_is_refused(slug: str, accepts: bool) -> None:
    config = snapshot(caller=Caller("default", "key-a", accept_tasks=accepts))
    with pytest.raises(InvalidRequest) as caught:
        authenticate.by_project(config, slug)
    assert caught.value.param == "project"
