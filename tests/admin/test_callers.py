from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access import credentials, roles, services
from access.models import Project, ProjectKey, UserToken
from audit import history
from audit.models import ChangeSet
from tests.support.admin_forms import errors, send

pytestmark = pytest.mark.django_db
PROJECT = "/admin/access/project/"
KEY = "/admin/access/projectkey/"
TOKEN = "/admin/access/usertoken/"
USER = "/admin/auth/user/"


@pytest.fixture
def project(db):
    return services.create_project(slug="search", name="Search")


@pytest.fixture
def administrator(db):
    """Somebody of the group admin, who is no superuser."""
    roles.ensure_groups()
    client = Client()
    client.force_login(services.create_user(username="ada", password=None, groups=["admin"]))
    return client


def test_a_project_from_birth_to_end(admin):
    answer = send(admin, f"{PROJECT}add/", slug="search", allowed_models="fast\nopenai/gpt\n", tags='{"team": "x"}')
    assert answer.status_code == 302, errors(answer)
    project = Project.objects.get()
    assert (project.allowed_models, project.tags) == (["fast", "openai/gpt"], {"team": "x"})
    before = history.revision()
    assert send(admin, f"{PROJECT}{project.pk}/change/").status_code == 302
    assert history.revision() == before
    send(admin, f"{PROJECT}{project.pk}/change/", slug="other", name="Find", change_reason="nicer")
    project.refresh_from_db()
    assert (project.slug, project.name) == ("search", "Find")
    assert ChangeSet.objects.first().reason == "nicer"
    assert admin.post(f"{PROJECT}{project.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "No Slug"),
        ("tags", "{"),
        ("tags", '{"team": 1}'),
        ("tags", "[]"),
        ("default_route", "nowhere"),
        ("environment", "moon"),
    ],
)
def test_what_is_wrong_stands_at_its_field(admin, field, value):
    answer = send(admin, f"{PROJECT}add/", **{"slug": "ok", field: value})
    assert answer.status_code == 200 and list(errors(answer)) == [field]
    assert not Project.objects.exists()


def test_a_slug_that_is_taken_is_said(admin, project):
    assert list(errors(send(admin, f"{PROJECT}add/", slug="search"))) == ["slug"]


def test_the_button_of_a_project_leads_to_the_form_of_a_key(admin, project):
    page = admin.get(f"{PROJECT}{project.pk}/new-key/")
    assert page.status_code == 302 and page.headers["location"] == f"{KEY}add/?project=search"
    form = admin.get(page.headers["location"]).context["adminform"].form
    assert form["project"].value() == "search"


def test_a_key_is_shown_once_and_is_stored_nowhere(admin, project):
    answer = send(admin, f"{KEY}add/?project=search", name="laptop")
    assert answer.status_code == 200 and "no-store" in answer.headers["cache-control"]
    text = re.search(r'value="(gw-[^"]+)"', answer.content.decode()).group(1)
    key = ProjectKey.objects.get()
    assert key.key_hash == credentials.digest(text)
    assert text not in str(answer.cookies) and text not in str(dict(admin.session))
    for page in (PROJECT, KEY, f"{PROJECT}{project.pk}/change/", f"{KEY}{key.pk}/change/", f"{KEY}{key.pk}/history/"):
        shown = admin.get(page)
        assert (
            shown.status_code == 200
            and text not in shown.content.decode()
            and key.key_hash not in shown.content.decode()
        )


def test_a_key_name_that_is_taken_makes_no_second_key(admin, project):
    send(admin, f"{KEY}add/?project=search", name="laptop")
    answer = send(admin, f"{KEY}add/?project=search", name="laptop")
    assert errors(answer) and "gw-" not in re.sub(r"gw-\w{5}…", "", answer.content.decode())
    assert ProjectKey.objects.count() == 1


def test_a_key_is_edited_and_revoked_in_its_project(admin, project):
    services.create_key(project=project, name="laptop")
    page = f"{PROJECT}{project.pk}/change/"
    answer = send(admin, page, **{"keys-0-name": "desktop", "keys-0-enabled": None})
    assert answer.status_code == 302, errors(answer)
    assert ProjectKey.objects.values_list("name", "enabled").get() == ("desktop", False)
    past = {"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}
    assert list(errors(send(admin, f"{KEY}{ProjectKey.objects.get().pk}/change/", **past))) == ["expires_at"]
    send(admin, page, **{"keys-0-DELETE": "on"})
    assert not ProjectKey.objects.exists()


def test_a_token_is_shown_once(admin, root):
    answer = send(admin, f"{TOKEN}add/", user=root.pk, name="ci")
    text = re.search(r'value="(gwadm-[^"]+)"', answer.content.decode()).group(1)
    token = UserToken.objects.get()
    assert token.token_hash == credentials.digest(text)
    for page in (TOKEN, f"{TOKEN}{token.pk}/change/", f"{TOKEN}{token.pk}/history/"):
        assert text not in admin.get(page).content.decode()
    assert send(admin, f"{TOKEN}{token.pk}/change/", enabled=None).status_code == 302
    assert not UserToken.objects.get().enabled
    admin.post(f"{TOKEN}{token.pk}/delete/", {"post": "yes"})
    assert not UserToken.objects.exists()


def test_who_may_only_look_sees_no_tokens_and_makes_no_keys(viewer, project):
    assert viewer.get(f"{PROJECT}{project.pk}/change/").status_code == 200
    assert viewer.get(TOKEN).status_code == 403
    for path in (f"{KEY}add/", f"{PROJECT}add/", f"{TOKEN}add/", f"{USER}add/"):
        assert viewer.get(path).status_code == 403
        assert viewer.post(path, {"name": "a"}).status_code == 403
    assert viewer.get(f"{PROJECT}{project.pk}/new-key/").status_code == 403


def test_users_are_made_and_deleted_with_their_tokens(admin):
    answer = send(admin, f"{USER}add/", username="ann", password1="a long password", password2="a long password")
    assert answer.status_code == 302, errors(answer)
    ann = User.objects.get(username="ann")
    services.create_token(user=ann, name="ci")
    assert admin.get(f"{USER}{ann.pk}/change/").status_code == 200
    assert admin.get(f"{USER}{ann.pk}/password/").status_code == 200
    assert admin.post(f"{USER}{ann.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not UserToken.objects.exists() and ChangeSet.objects.first().origin == "admin"


def test_users_deleted_from_the_list_take_their_tokens_along(admin):
    ann = services.create_user(username="ann", password=None)
    services.create_token(user=ann, name="ci")
    admin.post(USER, {"action": "delete_selected", "_selected_action": [ann.pk], "post": "yes"})
    assert not User.objects.filter(username="ann").exists() and not UserToken.objects.exists()


def test_the_right_to_manage_users_is_not_the_right_to_become_a_superuser(administrator, root):
    ada = User.objects.get(username="ada")
    assert send(administrator, f"{USER}{ada.pk}/change/", is_superuser="on", first_name="Ada").status_code == 302
    ada.refresh_from_db()
    assert (ada.first_name, ada.is_superuser, ada.groups.count()) == ("Ada", False, 1)
    assert administrator.post(f"{USER}{root.pk}/change/", {"username": "mine"}).status_code == 403
    assert administrator.get(f"{USER}{root.pk}/password/").status_code == 403
    assert administrator.post(f"{USER}{root.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "user" in errors(send(administrator, f"{TOKEN}add/", user=root.pk, name="mine"))
    assert not UserToken.objects.exists()
    administrator.post(USER, {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"})
    assert User.objects.filter(username="root").exists()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "providers/provider/",
        "providers/providermodel/",
        "providers/apikey/",
        "providers/connectionparameter/",
        "providers/route/",
        "access/project/?q=a",
        "access/projectkey/?q=a",
        "access/usertoken/?q=a",
        "auth/user/",
        "auth/group/",
        "auth/group/add/",
        "audit/changeset/",
        "audit/call/",
    ],
)
def test_every_page_opens(admin, project, path):
    services.create_key(project=project, name="a")
    assert admin.get(f"/admin/{path}").status_code == 200
