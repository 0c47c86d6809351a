"""Rotation of keys, bulk changes, expiry and use by day, through HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from access import roles
from access import services as access_services
from audit import call_store, history
from llm.policies import route
from llm.snapshot import Caller, CallersPart, Snapshot
from providers.models import ApiKey
from providers.snapshot_part import snapshot_part
from tests.providers.conftest import SECRET
from tests.support.records import record

NEW = "sk-live-new-value-abcdefghij-7777"


def rotate(api: APIClient, openai: dict[str, Any], **body: Any) -> dict[str, Any]:
    key_id = openai["api_keys"][0]["key_id"]
    answer = api.post(f"/providers/openai/api-keys/{key_id}/rotate", {"key_value": NEW, **body})
    assert answer.status_code == 201, answer.content
    assert answer.headers["ETag"] == f'"{history.revision()}"'
    assert NEW not in answer.content.decode() and SECRET not in answer.content.decode()
    return answer.json()


def tried(*, after: timedelta = timedelta()) -> list[str]:
    """The secrets in the order in which a live call would try them so much later."""
    part = snapshot_part(environment="development", allow_private=True)
    snapshot = Snapshot(1, "development", part, CallersPart({}, {}))
    when = (timezone.now() + after).timestamp()
    plan = route.plan(snapshot, Caller("p", None), "openai/gpt-4o", now=when, random=lambda: 0.99)
    return [one.key.secret for one in plan.candidates if one.key is not None]


def test_the_new_value_serves_first_and_the_old_one_ends(api: APIClient, openai: dict[str, Any]) -> None:
    old_id = openai["api_keys"][0]["key_id"]
    before = history.revision()
    told = rotate(api, openai)
    assert history.revision() == before + 1
    assert told["key_id"] != old_id and told["previous"]["key_id"] == old_id
    assert (told["name"], told["weight"], told["state"], told["last4"]) == ("default", 1, "active", NEW[-4:])
    assert told["previous"]["weight"] == 0 and told["previous"]["state"] == "active"
    ends = ApiKey.objects.get(key_id=old_id).expires_at
    assert ends is not None
    assert abs(ends - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert tried() == [NEW, SECRET]
    assert tried(after=timedelta(hours=23)) == [NEW, SECRET]
    assert tried(after=timedelta(hours=25)) == [NEW]
    assert len(api.get("/providers/openai/api-keys/").json()["results"]) == 2


def test_the_grace_time_may_be_said(api: APIClient, openai: dict[str, Any]) -> None:
    told = rotate(api, openai, grace_hours=0.5)
    assert tried(after=timedelta(minutes=20)) == [NEW, SECRET] and tried(after=timedelta(minutes=40)) == [NEW]
    path = f"/providers/openai/api-keys/{told['key_id']}/rotate/"
    at_once = api.post(path, {"key_value": NEW + "8", "grace_hours": 0}).json()
    assert at_once["previous"]["state"] == "expired"
    assert tried() == [NEW + "8", SECRET]


def test_an_earlier_end_stays(api: APIClient, openai: dict[str, Any]) -> None:
    key = ApiKey.objects.get()
    soon = timezone.now() + timedelta(hours=2)
    path = f"/providers/openai/api-keys/{key.key_id}"
    assert api.patch(path, {"expires_at": soon.isoformat()}).status_code == 200
    later = (timezone.now() + timedelta(days=90)).isoformat()
    told = rotate(api, openai, expires_at=later, reason="yearly")
    assert told["previous"]["expires_at"] == api.get(path).json()["expires_at"]
    assert ApiKey.objects.get(key_id=key.key_id).expires_at == soon
    assert ApiKey.objects.get(key_id=told["key_id"]).expires_at > soon + timedelta(days=80)


def test_again_and_again(api: APIClient, openai: dict[str, Any]) -> None:
    told = openai["api_keys"][0]
    for number in range(3):
        path = f"/providers/openai/api-keys/{told['key_id']}/rotate"
        told = api.post(path, {"key_value": f"{NEW}{number}"}).json()
        assert told["name"] == "default"
    assert tried()[0] == NEW + "2" and len(tried()) == 4
    assert len({key.name for key in ApiKey.objects.all()}) == 4


def test_a_reference_and_a_disabled_key(api: APIClient, openai: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setenv("SOME_API_KEY", NEW)
    path = f"/providers/openai/api-keys/{openai['api_keys'][0]['key_id']}"
    assert api.patch(path, {"enabled": False, "weight": 5}).status_code == 200
    told = api.post(f"{path}/rotate", {"reference": "env:SOME_API_KEY"}).json()
    assert (told["reference"], told["weight"], told["enabled"]) == ("env:SOME_API_KEY", 5, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "key_value"),
        ({"key_value": "****"}, "key_value"),
        ({"key_value": NEW, "reference": "env:A_API_KEY"}, "reference"),
        ({"key_value": NEW, "grace_hours": -1}, "grace_hours"),
        ({"key_value": NEW, "grace_hours": "1"}, "grace_hours"),
        ({"key_value": NEW, "grace_hours": True}, "grace_hours"),
        ({"key_value": NEW, "grace_hours": 10**9}, "grace_hours"),
        ({"key_value": NEW, "grace_hours": 10**400}, "grace_hours"),
        ({"key_value": NEW, "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"key_value": NEW, "grace": 1}, "grace"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    api: APIClient, openai: dict[str, Any], body: dict[str, Any], field: str
) -> None:
    before = history.revision()
    path = f"/providers/openai/api-keys/{openai['api_keys'][0]['key_id']}/rotate"
    answer = api.post(path, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert history.revision() == before and tried() == [SECRET]
    assert api.post("/providers/openai/api-keys/nope/rotate", {"key_value": NEW}).status_code == 404


def test_if_match_guards_it(api: APIClient, openai: dict[str, Any]) -> None:
    path = f"/providers/openai/api-keys/{openai['api_keys'][0]['key_id']}"
    late = api.post(f"{path}/rotate", {"key_value": NEW}, headers={"If-Match": "0"})
    assert late.status_code == 412 and tried() == [SECRET]
    tag = api.get(path).headers["ETag"]
    assert api.post(f"{path}/rotate", {"key_value": NEW}, headers={"If-Match": tag}).status_code == 201


def test_a_viewer_may_not(openai: dict[str, Any]) -> None:
    roles.ensure_groups()
    client = APIClient()
    client.default_format = "json"
    client.force_authenticate(access_services.create_user(username="vera", password=None, groups=["viewer"]))
    path = f"/providers/openai/api-keys/{openai['api_keys'][0]['key_id']}"
    assert client.post(f"{path}/rotate", {"key_value": NEW}).status_code == 403
    assert client.get(f"{path}/usage").status_code == 200


def test_use_by_day(api: APIClient, openai: dict[str, Any]) -> None:
    key_id = openai["api_keys"][0]["key_id"]
    now = timezone.now()
    day = timedelta(days=1)
    found = []
    for when, status in ((now, "succeeded"), (now, "failed"), (now - day, "succeeded"), (now - 40 * day, "succeeded")):
        found.append(
            record(
                when,
                provider_key=key_id,
                status=status,
                input_tokens=10,
                output_tokens=5,
            )
        )
    call_store.insert(found)
    call_store.insert(found)  # read again after a crash: each call counts once
    call_store.insert([record(now, provider_key=""), record(now, provider="other", provider_key=key_id)])
    path = f"/providers/openai/api-keys/{key_id}/usage"
    told = api.get(path).json()
    assert (told["provider_id"], told["key_id"]) == ("openai", key_id)
    today, yesterday = told["days"]
    assert today == {
        "day": now.date().isoformat(),
        "requests": 2,
        "succeeded": 1,
        "failed": 1,
        "cancelled": 0,
        "input_tokens": 20,
        "output_tokens": 10,
        "cost_nano_usd": 0,
    }
    assert yesterday["day"] == (now - day).date().isoformat()
    longer = api.get(f"{path}/", {"since": (now - 50 * day).date().isoformat(), "until": now.date().isoformat()})
    assert [row["requests"] for row in longer.json()["days"]] == [2, 1, 1]
    for wrong in ({"since": "yesterday"}, {"since": "2026-02-01", "until": "2026-01-01"}, {"form": "x"}):
        assert api.get(path, wrong).status_code == 400
    assert api.get("/providers/openai/api-keys/nope/usage").status_code == 404
    assert api.get(path, {"until": "0001-01-02"}).json()["days"] == []
