"""Reverts: the plan first, then by its hash; validated, a new change set; objects, a change set, everything."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from access import services as access_services
from audit import history, state
from audit.models import ChangeSet
from providers.models import ApiKey, Provider, ProviderModel, Route
from tests.audit.asking import Role, apply, made, plan

pytestmark = pytest.mark.django_db


def undo(revision: int) -> str:
    return f"/audit/changes/{revision}/revert"


def steps(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["object"], step["action"]) for step in answer["steps"]]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_change_set_is_undone(api: APIClient, configured: int, slash: str) -> None:
    before = state.at()
    made(api.patch("/providers/openai", {"display_name": "Other", "models": [{"model_id": "o1", "weight": 3}]}))
    changed = history.revision()
    planned = plan(api, undo(changed) + slash)
    assert history.revision() == changed  # a plan writes nothing
    assert set(planned) == {"plan_hash", "steps", "conflicts", "missing_secrets", "skipped", "problems"}
    assert planned["steps"] == [
        {"object": "model:openai/o1", "action": "update", "fields": {"weight": {"old": 3, "new": 1}}},
        {
            "object": "provider:openai",
            "action": "update",
            "fields": {"display_name": {"old": "Other", "new": "OpenAI"}},
        },
    ]
    assert planned["conflicts"] == [] and planned["problems"] == {}
    body = {"dry_run": False, "plan_hash": planned["plan_hash"], "reason": "it was wrong"}
    answer = made(api.post(undo(changed) + slash, body))
    assert answer["revision"] == changed + 1
    assert {**answer, "revision": None} == {**planned, "revision": None}
    assert state.at() == before
    row = api.get(f"/audit/changes/{changed + 1}").json()
    assert (row["reverts"], row["reason"], row["origin"], row["actor"]) == (changed, "it was wrong", "rest", "root")
    assert len(row["changes"]) == 2


def test_without_a_reason_it_says_what_it_reverts(api: APIClient, configured: int) -> None:
    apply(api, undo(configured))
    assert ChangeSet.objects.get(pk=configured + 1).reason == f"Undoes revision {configured}."
    apply(api, "/audit/revert", to=configured, objects=["project:search"])
    newest = ChangeSet.objects.get(pk=configured + 2)
    assert (newest.reason, newest.reverts) == (f"Goes back to revision {configured}.", configured)


def test_the_hash_is_required_and_must_fit(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "quick"}))
    changed = history.revision()
    for path, body in ((undo(changed), {}), ("/audit/revert", {"to": configured})):
        answer = api.post(path, {**body, "dry_run": False})
        assert answer.status_code == 400 and list(answer.json()) == ["plan_hash"]
        assert api.post(path, {**body, "dry_run": False, "plan_hash": "old"}).status_code == 412
        planned = plan(api, path, **body)
        assert plan(api, path, **body)["plan_hash"] == planned["plan_hash"]
        made(api.patch("/routes/fast", {"description": f"another than {planned['plan_hash'][:9]}"}))
        late = api.post(path, {**body, "dry_run": False, "plan_hash": planned["plan_hash"]})
        assert late.status_code == 412
        assert "detail" in late.json()
    assert ChangeSet.objects.filter(reverts__isnull=False).count() == 0


def test_what_does_not_touch_the_plan_leaves_its_hash(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "quick"}))
    changed = history.revision()
    planned = plan(api, undo(changed))
    made(api.post("/projects", {"slug": "another"}))
    assert plan(api, undo(changed))["plan_hash"] == planned["plan_hash"]


def test_later_changes_of_the_same_fields_are_conflicts(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "one"}))
    first = history.revision()
    made(api.patch("/routes/fast", {"description": "two"}))
    made(api.patch("/routes/fast", {"description": "three", "enabled": False}))
    third = history.revision()
    planned = plan(api, undo(first))
    assert planned["conflicts"] == [{"object": "route:fast", "field": "description", "revision": third}]
    apply(api, undo(first))
    route = Route.objects.get()
    assert (route.description, route.enabled) == ("", False)  # only the fields that it touched


def test_a_changed_and_then_deleted_object_is_a_conflict(api: APIClient, configured: int) -> None:
    made(api.patch("/projects/search", {"name": "New"}))
    changed = history.revision()
    assert api.delete("/projects/search").status_code == 204
    planned = plan(api, undo(changed))
    assert planned["steps"] == []
    assert planned["conflicts"] == [{"object": "project:search", "field": "*", "revision": history.revision()}]


def test_undoing_what_was_made_takes_along_what_was_made_below(api: APIClient, configured: int) -> None:
    made(api.post("/providers", {"provider_id": "new", "provider_type": "echo"}))
    created = history.revision()
    made(api.post("/providers/new/models", {"model_id": "m"}))
    planned = plan(api, undo(created))
    assert steps(planned) == [("model:new/m", "delete"), ("provider:new", "delete")]
    assert planned["conflicts"] == [{"object": "model:new/m", "field": "*", "revision": created + 1}]
    apply(api, undo(created))
    assert not Provider.objects.filter(provider_id="new").exists()


def test_a_deleted_provider_comes_back_with_all_below(api: APIClient, configured: int) -> None:
    for path in ("/projects/search", "/routes/fast"):
        assert api.delete(path).status_code == 204
    before = state.at()
    assert api.delete("/providers/openai").status_code == 204
    answer = apply(api, undo(history.revision()))
    key = ApiKey.objects.get()
    assert answer["missing_secrets"] == [f"api_key:openai/{key.key_id}"]
    assert (key.enabled, key.secret, key.fingerprint) == (False, None, "")
    shown = api.get(f"/providers/openai/api-keys/{key.key_id}").json()
    assert shown["state"] in ("awaiting_secret", "disabled")
    after = state.at()
    name = f"api_key:openai/{key.key_id}"
    assert {**after, name: None} == {**before, name: None}
    apply(api, undo(answer["revision"]))
    assert not Provider.objects.exists()


def test_objects_are_put_back_to_a_revision(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "one"}))
    made(api.patch("/projects/search", {"name": "New"}))
    made(api.patch("/routes/fast", {"description": "two"}))
    body = {"to": configured, "objects": ["route:fast"]}
    assert steps(plan(api, "/audit/revert/", **body)) == [("route:fast", "update")]
    apply(api, "/audit/revert", **body)
    assert Route.objects.get().description == ""
    assert api.get("/projects/search").json()["name"] == "New"


def test_a_named_provider_brings_its_children_where_it_was_gone(api: APIClient, configured: int) -> None:
    for path in ("/projects/search", "/routes/fast", "/providers/openai"):
        assert api.delete(path).status_code == 204
    apply(api, "/audit/revert", to=configured, objects=["provider:openai", "route:fast"])
    assert ProviderModel.objects.count() == 2
    assert Route.objects.get().targets[0]["model"] == "openai/gpt-4o"


def test_everything_is_put_back(api: APIClient, configured: int) -> None:
    before = api.get("/audit/config").content
    made(api.post("/providers", {"provider_id": "new", "provider_type": "echo", "models": [{"model_id": "m"}]}))
    made(api.patch("/routes/fast", {"targets": [{"model": "new/m"}], "policy": {"retries": 1}}))
    made(api.patch("/projects/search", {"default_route": "", "allowed_models": ["new/m"]}))
    assert api.delete("/routes/fast").status_code == 204
    assert api.delete("/providers/openai/models/gpt-4o").status_code == 204
    answer = apply(api, "/audit/revert", to=configured)
    assert answer["conflicts"] == [] and answer["missing_secrets"] == []
    assert api.get("/audit/config").content == before == api.get("/config/export").content
    again = apply(api, "/audit/revert", to=configured)
    assert (again["steps"], again["revision"]) == ([], None)
    assert history.revision() == answer["revision"]


def test_back_to_the_beginning(api: APIClient, configured: int) -> None:
    apply(api, "/audit/revert", to=0)
    assert state.at() == {}
    apply(api, "/audit/revert", to=configured)
    assert Route.objects.get().name == "fast"


def test_a_dangling_result_is_refused_by_name(api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"targets": [{"model": "openai/o1"}]}))
    changed = history.revision()
    assert api.delete("/providers/openai/models/gpt-4o").status_code == 204
    planned = plan(api, undo(changed))
    assert list(planned["problems"]) == ["route:fast"]
    assert "openai/gpt-4o" in planned["problems"]["route:fast"][0]
    answer = api.post(undo(changed), {"dry_run": False, "plan_hash": planned["plan_hash"]})
    assert answer.status_code == 400
    assert answer.json() == planned["problems"]
    assert Route.objects.get().targets[0]["model"] == "openai/o1"


def test_what_is_still_used_is_409(api: APIClient, configured: int) -> None:
    made(api.post("/providers/openai/models", {"model_id": "new"}))
    changed = history.revision()
    made(api.patch("/routes/fast", {"targets": [{"model": "openai/new"}]}))
    planned = plan(api, undo(changed))
    answer = api.post(undo(changed), {"dry_run": False, "plan_hash": planned["plan_hash"]})
    assert answer.status_code == 409
    assert "route:fast" in str(answer.json()["model:openai/new"])
    assert ProviderModel.objects.filter(model_id="new").exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": "new"}, "to"),
        ({"to": -1}, "to"),
        ({"to": 1, "objects": []}, "objects"),
        ({"to": 1, "objects": "route:fast"}, "objects"),
        ({"to": 1, "objects": ["route:nothing"]}, "objects"),
        ({"to": 1, "objects": ["nothing"]}, "objects"),
        ({"to": 1, "dry_run": "no"}, "dry_run"),
        ({"to": 1, "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_body_is_400(api: APIClient, configured: int, body: dict[str, Any], field: str) -> None:
    answer = api.post("/audit/revert", body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize("number", [0, 999, 10**30])
def test_an_unknown_revision_is_404(api: APIClient, configured: int, number: int) -> None:
    assert api.post(undo(number), {}).status_code == 404
    if 0 < number < 2**63:
        assert api.post("/audit/revert", {"to": number}).status_code == 404


def test_rights(role: Role, api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "quick"}))
    changed = history.revision()
    one = {"to": configured, "objects": ["route:fast"]}
    assert APIClient().post(undo(changed), {}).status_code == 401
    for name, of_change_set, of_objects, of_all in (
        ("", 403, 403, 403),
        ("viewer", 403, 403, 403),
        ("operator", 200, 200, 403),
        ("admin", 200, 200, 200),
    ):
        client = role(name)
        assert client.post(undo(changed), {}).status_code == of_change_set, name
        assert client.post("/audit/revert", one).status_code == of_objects, name
        assert client.post("/audit/revert", {"to": configured}).status_code == of_all, name
    apply(role("operator"), undo(changed))
    assert Route.objects.get().description == ""


def test_the_rights_over_what_it_would_change_are_asked_too(role: Role, api: APIClient, configured: int) -> None:
    made(api.patch("/routes/fast", {"description": "quick"}))
    operator = role("operator")
    group = operator.handler._force_user.groups.get()
    group.permissions.remove(group.permissions.get(codename="change_route"))
    path = undo(history.revision())
    assert operator.post(path, {}).status_code == 403
    planned = plan(api, path)
    answer = operator.post(path, {"dry_run": False, "plan_hash": planned["plan_hash"]})
    assert answer.status_code == 403
    assert Route.objects.get().description == "quick"


def test_tokens_are_not_reverted(role: Role, api: APIClient, configured: int) -> None:
    operator = role("operator")
    with history.change_set():
        token, _ = access_services.create_token(user=operator.handler._force_user, name="mine")
        access_services.create_project(slug="another")
    path = undo(history.revision())
    planned = plan(api, path)
    assert planned["skipped"] == [f"token:{token.token_id}"]
    assert steps(planned) == [("project:another", "delete")]
    assert plan(operator, path)["skipped"] == []  # an operator may not see tokens
    apply(api, path)
    token.refresh_from_db()
    answer = api.post("/audit/revert", {"to": 0, "objects": [f"token:{token.token_id}"]})
    assert answer.status_code == 400 and list(answer.json()) == ["objects"]
