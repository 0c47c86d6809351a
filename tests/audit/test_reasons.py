"""The reason of a change: by header or body on every write, kept in the change set only, required by a setting."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from audit import history, state
from audit.models import ChangeSet
from tests.audit.asking import made, plan

pytestmark = pytest.mark.django_db
WRITES = [
    ("post", "/providers", {"provider_id": "new", "provider_type": "echo"}),
    ("put", "/providers/openai", {"description": "new"}),
    ("patch", "/providers/openai", {"description": "new"}),
    ("post", "/providers/openai/models", {"model_id": "new"}),
    ("patch", "/providers/openai/models/gpt-4o", {"weight": 9}),
    ("post", "/providers/openai/api-keys", {"name": "new", "key_value": "sk-new-0123456789abcdefghij"}),
    ("post", "/providers/openai/connection-params", {"param_name": "organization", "param_value": "org"}),
    ("delete", "/providers/openai/connection-params/api_base", {}),
    ("post", "/routes", {"name": "new", "targets": [{"model": "openai/o1"}]}),
    ("patch", "/routes/fast", {"description": "new"}),
    ("post", "/projects", {"slug": "new"}),
    ("patch", "/projects/search", {"name": "new"}),
    ("delete", "/projects/search", {}),
    ("post", "/projects/search/keys", {"name": "new"}),
]


def ask(api: APIClient, method: str, path: str, body: dict[str, Any], **headers: str) -> Any:
    return getattr(api, method)(path, body, headers=headers)


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_every_write_takes_a_reason(
    api: APIClient, configured: int, method: str, path: str, body: dict[str, Any], settings: Any
) -> None:
    settings.REQUIRE_REASON = True
    refused = ask(api, method, path, body)
    assert refused.status_code == 400
    assert list(refused.json()) == ["reason"]
    assert history.revision() == configured
    answer = ask(api, method, path, body, **{"x-change-reason": "by the header"})
    assert answer.status_code in (200, 201, 204), answer.content
    newest = ChangeSet.objects.get(pk=configured + 1)
    assert (newest.reason, newest.origin) == ("by the header", "rest")
    assert "by the header" not in str(state.at())


def test_the_body_goes_before_the_header(api: APIClient, configured: int) -> None:
    body = {"description": "new", "reason": "  by the body "}
    answer = ask(api, "patch", "/routes/fast", body, **{"x-change-reason": "by the header"})
    assert "reason" not in made(answer)
    assert ChangeSet.objects.get(pk=configured + 1).reason == "by the body"
    assert answer.json()["description"] == "new"


def test_a_reason_may_be_any_text(api: APIClient, configured: int) -> None:
    text = "wegen Änderung №7"
    made(
        ask(
            api, "patch", "/routes/fast", {"description": "new"}, **{"x-change-reason": text.encode().decode("latin-1")}
        )
    )
    assert ChangeSet.objects.get(pk=configured + 1).reason == text


@pytest.mark.parametrize("reason", [7, ["a"], "x" * 1001, "a\x00b"])
def test_a_reason_that_cannot_be_kept_is_400(api: APIClient, configured: int, reason: Any) -> None:
    answer = api.patch("/routes/fast", {"description": "new", "reason": reason})
    assert answer.status_code == 400
    assert list(answer.json()) == ["reason"]
    assert history.revision() == configured


def test_no_reason_is_needed_where_nothing_says_so(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "new"}))
    assert ChangeSet.objects.get(pk=configured + 1).reason == ""


def test_a_revert_needs_one_too_and_its_plan_does_not(api: APIClient, configured: int, settings: Any) -> None:
    made(api.patch("/routes/fast", {"description": "new"}))
    settings.REQUIRE_REASON = True
    path = f"/audit/changes/{history.revision()}/revert"
    body = {"dry_run": False, "plan_hash": plan(api, path)["plan_hash"]}
    assert list(api.post(path, body).json()) == ["reason"]
    made(api.post(path, {**body, "reason": "back"}))
    assert ChangeSet.objects.first().reason == "back"
