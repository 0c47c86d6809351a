from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from access import services
from access.credentials import digest
from access.models import Project, ProjectKey, UserToken
from audit import history
from audit.errors import Duplicate, InUse
from providers import usage
from providers.models import Route

pytestmark = pytest.mark.django_db


def refused(call, **arguments):
    with pytest.raises(ValidationError) as caught:
        call(**arguments)
    return caught.value.message_dict


def test_a_project_has_safe_defaults(project):
    project.refresh_from_db()
    assert (project.enabled, project.allowed_models, project.tags, project.environment) == (True, ["*"], {}, "")
    assert project.accept_tasks is False


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": "a" * 64}, "slug"),
        ({"slug": ""}, "slug"),
        ({"allowed_models": "gpt"}, "allowed_models"),
        ({"allowed_models": ["gpt", 1]}, "allowed_models"),
        ({"allowed_models": [" gpt"]}, "allowed_models"),
        ({"allowed_models": ["gpt", "gpt"]}, "allowed_models"),
        ({"allowed_models": ["g\x00t"]}, "allowed_models"),
        ({"tags": []}, "tags"),
        ({"tags": {"team": 1}}, "tags"),
        ({"tags": {"": "x"}}, "tags"),
        ({"tags": {"team": "\x00"}}, "tags"),
        ({"environment": "moon"}, "environment"),
        ({"default_route": "nowhere"}, "default_route"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_bad_fields_are_named(fields, wrong):
    before = history.revision()
    assert set(refused(services.create_project, **{"slug": "ok", **fields})) == {wrong}
    assert history.revision() == before and not Project.objects.exists()


def test_all_that_is_wrong_is_said_at_once():
    found = refused(services.create_project, slug="A", tags=[], environment="moon")
    assert set(found) == {"slug", "tags", "environment"}


def test_a_slug_is_taken_once_and_never_changes(project):
    with pytest.raises(Duplicate) as caught:
        services.create_project(slug="search")
    assert set(caught.value.message_dict) == {"slug"}
    assert "slug" in refused(services.update_project, project=project, slug="other")
    services.update_project(project=project, slug="search", name="New")
    assert Project.objects.get().name == "New"


def test_an_update_that_changes_nothing_makes_no_revision(project):
    before = history.revision()
    services.update_project(project=project, name="Search", allowed_models=["*"], tags={})
    assert history.revision() == before


def test_what_was_right_once_is_not_asked_again(project):
    Route(name="fast", targets=[]).save()
    services.update_project(project=project, default_route="fast")
    Route.objects.get().delete()
    services.update_project(project=project, name="New", default_route="fast")
    assert Project.objects.get().name == "New"


def test_a_route_or_model_that_callers_name_is_in_use(project):
    route = Route(name="fast", targets=[])
    route.save()
    services.update_project(project=project, default_route="fast")
    key, _ = services.create_key(project=project, name="a", allowed_models=["fast", "openai/gpt"])
    with pytest.raises(InUse) as caught:
        usage.check_route(route)
    assert "project:search" in str(caught.value) and f"project_key:search/{key.key_id}" in str(caught.value)


def test_a_key_is_stored_as_a_hash_only(project):
    key, text = services.create_key(project=project, name="laptop")
    assert key.key_hash == digest(text)
    columns = ProjectKey.objects.filter(pk=key.pk).values().get()
    rows = list(ProjectKey.history.values())
    assert text not in str(columns) and text not in str(rows)
    assert key.key_hash not in str(rows)


def test_a_key_name_is_taken_once_in_a_project(project):
    services.create_key(project=project, name="laptop")
    with pytest.raises(Duplicate) as caught:
        services.create_key(project=project, name="laptop")
    assert set(caught.value.message_dict) == {"name"}
    services.create_key(project=services.create_project(slug="other"), name="laptop")


def test_a_given_value_is_taken_once(project):
    services.create_key(project=project, name="a", value="gw-" + "a" * 40)
    with pytest.raises(Duplicate):
        services.create_key(project=project, name="b", value="gw-" + "a" * 40)


def test_a_key_must_end_in_the_future(project):
    past = timezone.now() - timedelta(seconds=1)
    assert "expires_at" in refused(services.create_key, project=project, name="a", expires_at=past)
    naive = past.replace(tzinfo=None) + timedelta(days=9)
    assert "expires_at" in refused(services.create_key, project=project, name="a", expires_at=naive)


def test_an_expired_key_can_still_be_renamed_and_disabled(project):
    key, _ = services.create_key(project=project, name="a", expires_at=timezone.now() + timedelta(days=1))
    key.expires_at = timezone.now() - timedelta(days=1)
    key.save()
    services.update_key(key=key, name="b", enabled=False, expires_at=key.expires_at)
    assert ProjectKey.objects.get().name == "b"


def test_a_revoked_key_stays_in_the_history(project):
    key, _ = services.create_key(project=project, name="a")
    services.revoke_key(key=key)
    assert not ProjectKey.objects.exists()
    assert [row.history_type for row in ProjectKey.history.order_by("history_id")] == ["+", "-"]


def test_a_deleted_project_takes_its_keys_along_in_one_revision(project):
    services.create_key(project=project, name="a")
    before = history.revision()
    services.delete_project(project=project)
    assert history.revision() == before + 1
    assert ProjectKey.history.filter(history_type="-", revision=before + 1).count() == 1


def test_a_token_of_a_user(root):
    token, text = services.create_token(user=root, name="ci")
    assert text.startswith("gwadm-") and token.token_id.startswith("root-")
    assert text not in str(list(UserToken.history.values()))
    with pytest.raises(Duplicate):
        services.create_token(user=root, name="ci")


def test_names_in_the_history(project, root):
    key, _ = services.create_key(project=project, name="a")
    token, _ = services.create_token(user=root, name="ci")
    names = {
        entry.natural_key(row)
        for model in (Project, ProjectKey, UserToken)
        for entry in [history.registration(model)]
        for row in entry.history.objects.values()
    }
    assert names == {"project:search", f"project_key:search/{key.key_id}", f"token:{token.token_id}"}


def test_a_dump_is_json_and_holds_no_hash(project):
    services.create_key(project=project, name="a", expires_at=timezone.now() + timedelta(days=1))
    entry = history.registration(ProjectKey)
    shown = entry.dump(entry.history.objects.values().get())
    assert shown["project_id"] == "search" and isinstance(shown["expires_at"], str)
    assert not {"key_hash", "id", "created_at"} & set(shown)


def test_a_user_needs_a_good_password_a_free_name_and_groups_that_exist(root):
    assert "password" in refused(services.create_user, username="ann", password="short")
    assert "groups" in refused(services.create_user, username="ann", password=None, groups=["nobody"])
    assert "username" in refused(services.create_user, username="a b", password=None)
    with pytest.raises(Duplicate):
        services.create_user(username="root", password=None)
    assert User.objects.count() == 1


def test_a_user_without_a_password_cannot_log_in(root):
    assert not root.has_usable_password() and root.is_staff
