from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from access import services
from access.snapshot_part import snapshot_part

pytestmark = pytest.mark.django_db


def callers():
    return snapshot_part(environment="staging")


def test_a_caller_is_found_by_the_digest_of_its_key(project):
    ends = timezone.now() + timedelta(days=1)
    services.update_project(project=project, allowed_models=["fast", "openai/gpt"], tags={"team": "search"})
    key, text = services.create_key(project=project, name="a", expires_at=ends, allowed_models=["fast"])
    caller = callers().by_key_hash[hashlib.sha256(text.encode()).digest()]
    assert (caller.project, caller.key_id, caller.expires_at) == ("search", key.key_id, ends)
    assert caller.allowed_models == ("fast", "openai/gpt") and caller.key_allowed_models == ("fast",)
    assert caller.tags == {"team": "search"} and caller.default_route is None


def test_a_project_is_a_caller_without_a_key(project):
    services.update_project(project=project, accept_tasks=True)
    caller = callers().by_project["search"]
    assert caller.key_id is None and caller.accept_tasks and caller.expires_at is None


def test_what_is_disabled_or_revoked_is_left_out(project):
    key, _ = services.create_key(project=project, name="a")
    services.update_key(key=key, enabled=False)
    other, _ = services.create_key(project=project, name="b")
    services.revoke_key(key=other)
    assert not callers().by_key_hash
    services.create_key(project=project, name="c")
    services.update_project(project=project, enabled=False)
    assert not callers().by_key_hash and not callers().by_project


def test_environments():
    for environment in ("", "staging", "production"):
        made = services.create_project(slug=f"p-{environment or 'every'}", environment=environment)
        services.create_key(project=made, name="a")
    assert set(callers().by_project) == {"p-every", "p-staging"}
    assert {caller.project for caller in callers().by_key_hash.values()} == {"p-every", "p-staging"}
