"""A user who is limited to some providers: on the admin's pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from access import services
from access.models import ProviderGrant
from audit import calls, history
from audit.models import Call, ChangeSet
from providers import services as provider_services
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route
from tests.rights.people import browser
from tests.support.admin_forms import errors, send
from tests.support.made_calls import call

pytestmark = pytest.mark.django_db
CHILDREN = {"providermodel": ProviderModel, "apikey": ApiKey, "connectionparameter": ConnectionParameter}


def page(name: str, row: object = None, action: str = "change") -> str:
    return f"/admin/providers/{name}/" + (f"{row.pk}/{action}/" if row is not None else "")


def test_lists_and_their_filters_name_only_what_is_given(limited):
    client = browser(limited("operator", may_change=True))
    for name in ("provider", *CHILDREN, "route"):
        text = client.get(page(name)).content.decode()
        assert "mine" in text or "own" in text
        assert "other" not in text and "theirs" not in text and "mixed" not in text, name


def test_pages_of_others_are_not_there(limited):
    client = browser(limited("operator", may_change=True))
    rows = [("provider", Provider.objects.get(provider_id="other")), ("route", Route.objects.get(name="theirs"))]
    rows += [(name, model.objects.filter(provider="other").first()) for name, model in CHILDREN.items()]
    for name, row in rows:
        for action in ("change", "delete", "history"):
            for method in (client.get, client.post):
                answer = method(page(name, row, action))
                # Django's admin leads back to its start page from an object that is not there.
                gone = answer.status_code in (404, 405) or answer.headers.get("location") == "/admin/"
                assert gone, (name, action, answer)
                assert b"other" not in answer.content.replace(b"another", b"")
    assert Provider.objects.get(provider_id="other").models.count() == 2


def test_the_history_of_what_was_deleted_is_not_there_either(limited):
    client = browser(limited("viewer"))
    gone = ConnectionParameter.objects.get(provider="other")
    path = page("connectionparameter", gone, "history")
    provider_services.delete_parameter(parameter=gone)
    assert client.get(path).status_code == 404


def test_given_for_seeing_has_no_form_to_save(limited):
    client = browser(limited("operator"))
    provider = Provider.objects.get(provider_id="mine")
    text = client.get(page("provider", provider)).content.decode()
    assert 'name="_save"' not in text and 'name="api_keys-0-weight"' not in text
    assert client.post(page("provider", provider), {"display_name": "x"}).status_code == 403
    assert client.get(page("provider", provider, "delete")).status_code == 403
    assert client.get("/admin/providers/provider/add/").status_code == 403


def test_given_for_changing_is_saved(limited):
    client = browser(limited("operator", may_change=True))
    provider = Provider.objects.get(provider_id="mine")
    answer = send(client, page("provider", provider), display_name="My own")
    assert answer.status_code == 302, errors(answer)
    assert Provider.objects.get(provider_id="mine").display_name == "My own"


def test_nothing_is_put_into_another_provider(limited):
    client = browser(limited("operator", may_change=True))
    for provider, status in (("other", 200), ("mine", 302)):
        answer = send(client, "/admin/providers/providermodel/add/", provider=provider, model_id="sneaked")
        assert answer.status_code == status
    assert [model.provider_id for model in ProviderModel.objects.filter(model_id="sneaked")] == ["mine"]
    for target, status in (("other/gpt-4o", 200), ("mine/gpt-4o", 302)):
        form = {"name": "new", "targets": f'[{{"model": "{target}"}}]'}
        assert send(client, "/admin/providers/route/add/", **form).status_code == status


def test_calls_and_changes_are_those_of_the_given_providers(limited):
    client = browser(limited("viewer"))
    provider_services.update_provider(provider=Provider.objects.get(provider_id="other"), description="y")
    hidden = history.revision()
    for name in ("mine", "other"):
        calls.row(call(timedelta(minutes=5), provider=name, model="m", request_id=f"r-{name}")).save()
    text = client.get("/admin/audit/call/").content.decode()
    assert "mine/m" in text and "other/m" not in text
    theirs = Call.objects.get(provider="other").pk
    assert client.get(f"/admin/audit/call/{theirs}/change/").status_code in (302, 404)
    assert client.get(f"/admin/audit/changeset/{hidden}/change/").status_code in (302, 404)
    assert ChangeSet.objects.filter(revision=hidden).exists()
    assert "other" not in client.get("/admin/").content.decode().replace("another", "")


def test_a_limited_administrator_cannot_lift_the_limit(limited):
    user = limited("admin", may_change=True)
    client = browser(user)
    grant = ProviderGrant.objects.get()
    for path in ("/admin/access/providergrant/", f"/admin/access/providergrant/{grant.pk}/delete/"):
        assert client.post(path, {"post": "yes"}).status_code == 403
    for path in ("/admin/auth/user/add/", f"/admin/auth/user/{user.pk}/change/", "/admin/access/usertoken/add/"):
        assert client.get(path).status_code == 403
    assert ProviderGrant.objects.filter(pk=grant.pk).exists()


def test_an_administrator_gives_and_takes_providers(two):
    client = browser(services.create_user(username="ada", password=None, groups=["admin"]))
    user = services.create_user(username="ann", password=None, groups=["viewer"])
    answer = send(client, "/admin/access/providergrant/add/", user=str(user.pk), provider="mine")
    assert answer.status_code == 302, errors(answer)
    grant = ProviderGrant.objects.get()
    assert (grant.holder, grant.provider, grant.may_change) == ("ann", "mine", False)
    answer = send(client, "/admin/access/providergrant/add/", user=str(user.pk), provider="mine")
    assert answer.status_code == 200 and "already" in str(errors(answer))
    assert send(client, f"/admin/access/providergrant/{grant.pk}/change/", may_change="on").status_code == 302
    assert ProviderGrant.objects.get().may_change
    assert client.get(f"/admin/access/providergrant/{grant.pk}/history/").status_code == 200
    client.post(f"/admin/access/providergrant/{grant.pk}/delete/", {"post": "yes"})
    assert not ProviderGrant.objects.exists() and User.objects.filter(username="ann").exists()
