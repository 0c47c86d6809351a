"""A user who is limited to some providers: over REST, and what the grants themselves do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from access import services
from access.models import ProviderGrant
from audit import calls, diff, history, scope
from audit.errors import Duplicate
from audit.models import ChangeSet
from providers import services as provider_services
from providers.models import ApiKey, Provider, Route
from tests.rights.people import api
from tests.support.made_calls import call

pytestmark = pytest.mark.django_db
BELOW = ("models", "api-keys", "connection-params")


def names(answer, field):
    assert answer.status_code == 200, answer.content
    return {row[field] for row in answer.json()["results"]}


def test_lists_hold_only_what_is_given(limited):
    client = api(limited("viewer"))
    assert names(client.get("/providers"), "provider_id") == {"mine"}
    assert names(client.get("/providers?search=o"), "provider_id") == set()
    assert names(client.get("/models"), "provider_id") == {"mine"}
    assert names(client.get("/models?provider_id=other"), "provider_id") == set()
    assert names(client.get("/routes"), "name") == {"own"}
    assert client.get("/providers").json()["count"] == 1


def test_without_a_grant_everything_is_open(two):
    client = api(services.create_user(username="free", password=None, groups=["viewer"]))
    assert names(client.get("/providers"), "provider_id") == {"mine", "other"}
    assert names(client.get("/routes"), "name") == {"own", "mixed", "theirs"}


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "post"])
@pytest.mark.parametrize("group", ["operator", "admin"])
def test_what_may_not_be_seen_is_not_found(limited, group, method):
    client = api(limited(group, may_change=True))
    key = ApiKey.objects.get(provider="other").key_id
    paths = ["/providers/other", "/providers/other/models/gpt-4o", f"/providers/other/api-keys/{key}"]
    paths += ["/providers/other/connection-params/timeout_seconds", "/routes/theirs", "/routes/mixed"]
    if method in ("get", "post"):
        paths = [f"/providers/other/{name}" for name in BELOW] + (paths if method == "get" else [])
    for path in paths:
        answer = getattr(client, method)(path, {})
        nowhere = getattr(client, method)(path.replace("other", "nowhere").replace("mixed", "nowhere"), {})
        assert (answer.status_code, answer.json()) == (404, nowhere.json()), path
    assert Provider.objects.get(provider_id="other").models.count() == 2


def test_given_for_seeing_is_read_only(limited):
    client = api(limited("operator"))
    key = ApiKey.objects.get(provider="mine").key_id
    assert client.get(f"/providers/mine/api-keys/{key}").status_code == 200
    assert client.patch("/providers/mine", {"display_name": "x"}).status_code == 403
    assert client.delete("/providers/mine").status_code == 403
    assert client.post("/providers/mine/models", {"model_id": "x"}).status_code == 403
    assert client.patch(f"/providers/mine/api-keys/{key}", {"weight": 3}).status_code == 403
    assert client.post("/providers/mine/connection-params", {"param_name": "a"}).status_code == 403
    assert client.patch("/routes/own", {"description": "x"}).status_code == 403
    assert client.post("/routes", {"name": "new", "targets": [{"model": "mine/gpt-4o"}]}).status_code == 403


def test_given_for_changing_is_changed(limited):
    client = api(limited("operator", may_change=True))
    assert client.patch("/providers/mine", {"display_name": "Mine"}).status_code == 200
    assert client.post("/providers/mine/models", {"model_id": "new"}).status_code == 201
    assert client.post("/providers/mine/api-keys", {"key_value": "sk-another-0123456789"}).status_code in (201, 409)
    assert client.post("/routes", {"name": "new", "targets": [{"model": "mine/gpt-4o"}]}).status_code == 201
    assert client.patch("/routes/new", {"description": "x"}).status_code == 200
    assert client.delete("/routes/new").status_code == 204


def test_a_viewer_who_is_given_a_change_stays_a_viewer(limited):
    client = api(limited("viewer", may_change=True))
    assert client.patch("/providers/mine", {"display_name": "x"}).status_code == 403


def test_a_route_reaches_no_further_than_its_maker(limited):
    client = api(limited("operator", may_change=True))
    body = {"name": "leak", "targets": [{"model": "mine/gpt-4o"}], "fallbacks": [{"model": "other/gpt-4o"}]}
    assert client.post("/routes", body).status_code == 403
    assert client.patch("/routes/own", {"targets": [{"model": "other/gpt-4o"}]}).status_code == 403
    assert not Route.objects.filter(name="leak").exists()


def test_nothing_of_all_providers_is_theirs(limited):
    client = api(limited("admin", may_change=True))
    assert client.post("/providers", {"provider_id": "new", "provider_type": "echo"}).status_code == 403
    assert client.post("/projects", {"slug": "new"}).status_code == 403
    assert not Provider.objects.filter(provider_id="new").exists()


def test_calls_are_those_of_the_given_providers(limited):
    for provider, request_id in (("mine", "r-mine"), ("other", "r-other"), ("", "r-none")):
        calls.row(call(timedelta(minutes=5), provider=provider, request_id=request_id)).save()
    client = api(limited("viewer"))
    assert names(client.get("/calls"), "request_id") == {"r-mine"}
    assert names(client.get("/calls?provider=other"), "request_id") == set()
    assert client.get("/calls/r-mine").status_code == 200
    assert client.get("/calls/r-other").status_code == client.get("/calls/r-none").status_code == 404


def test_changes_are_those_of_the_given_providers(limited):
    user = limited("viewer")
    with history.change_set():
        for name in ("mine", "other"):
            provider_services.update_provider(provider=Provider.objects.get(provider_id=name), description="x")
    both = history.revision()
    provider_services.update_provider(provider=Provider.objects.get(provider_id="other"), description="y")
    alone = history.revision()
    assert [change.object for change in diff.changes(both, user=user)] == ["provider:mine"]
    assert diff.changes(alone, user=user) == []
    seen = set(scope.narrowed(ChangeSet.objects.all(), user).values_list("revision", flat=True))
    assert both in seen and alone not in seen
    routes = {change.object for number in seen for change in diff.changes(number, user=user)}
    assert "route:own" in routes and not routes & {"route:mixed", "route:theirs"}


def test_a_route_that_once_named_another_provider_keeps_its_history_to_itself(limited):
    user = limited("viewer")
    made = provider_services.update_route(route=Route.objects.get(name="mixed"), fallbacks=[])
    assert names(api(user).get("/routes"), "name") == {"own", "mixed"}
    assert made.name == "mixed" and not [
        change for change in diff.changes(history.revision(), user=user) if change.object == "route:mixed"
    ]


def test_the_grants_of_groups_add_up(two):
    user = services.create_user(username="ann", password=None, groups=["operator"])
    team = Group.objects.create(name="night/shift")
    user.groups.add(team)
    services.create_grant(group=team, provider="mine")
    services.create_grant(user=user, provider="other", may_change=True)
    found = scope.of(User.objects.get(pk=user.pk))
    assert (found.seen, found.changed) == ({"mine", "other"}, {"other"})
    with pytest.raises(ProtectedError):
        team.delete()


def test_a_limit_outlives_the_provider_that_it_names(limited):
    user = limited("operator", may_change=True)
    Route.objects.get(name="own").delete()
    Route.objects.get(name="mixed").delete()
    assert api(user).delete("/providers/mine").status_code == 204
    assert scope.of(User.objects.get(pk=user.pk)).sees("other") is False


def test_limited_to_nothing(two):
    user = services.create_user(username="ann", password=None, groups=["viewer"])
    services.create_grant(user=user)
    assert names(api(user).get("/providers"), "provider_id") == set()


def test_a_superuser_is_not_limited(two):
    root = services.create_user(username="root", password=None, superuser=True)
    with pytest.raises(ValidationError, match="superuser"):
        services.create_grant(user=root, provider="mine")
    assert scope.of(root).sees("mine", "other", "what is made later")


def test_a_grant_is_checked_and_stands_in_the_audit_log(two):
    user = services.create_user(username="ann", password=None)
    grant = services.create_grant(user=user, provider="mine")
    assert [change.object for change in diff.changes(history.revision())] == ["grant:ann/mine"]
    services.update_grant(grant=grant, may_change=True)
    [change] = diff.changes(history.revision())
    assert change.fields == {"may_change": {"old": False, "new": True}}
    with pytest.raises(Duplicate):
        services.create_grant(user=user, provider="mine")
    for wrong in ({"user": user, "provider": "nowhere"}, {"provider": "mine"}, {"user": user, "group": Group()}):
        with pytest.raises(ValidationError):
            services.create_grant(**wrong)
    services.revoke_grant(grant=grant)
    assert diff.changes(history.revision())[0].action == "delete" and not ProviderGrant.objects.exists()


def test_who_may_not_manage_users_does_not_see_grants(limited):
    user = limited("viewer")
    assert all(change.kind != "grant" for change in diff.changes(history.revision(), user=user))
