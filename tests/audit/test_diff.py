"""What a revision changed, in the words of the contract."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from access.models import Project, ProjectKey
from audit import diff, history
from audit.history import change_set

pytestmark = pytest.mark.django_db


def a_key(project: Project) -> ProjectKey:
    return ProjectKey.objects.create(
        project=project, key_id="k1", name="key", key_hash="0123456789abcdef", prefix="gw-", last4="wxyz"
    )


def test_create_update_and_delete() -> None:
    project = Project.objects.create(slug="one", name="One")
    created = history.revision()
    project.name = "Uno"
    project.save()
    updated = history.revision()
    project.delete()
    deleted = history.revision()

    (change,) = diff.changes(created)
    assert (change.object, change.kind, change.action) == ("project:one", "project", "create")
    assert change.fields["name"] == {"old": None, "new": "One"}
    (change,) = diff.changes(updated)
    assert change.action == "update"
    assert change.fields == {"name": {"old": "One", "new": "Uno"}}
    (change,) = diff.changes(deleted)
    assert change.action == "delete"
    assert change.fields["name"] == {"old": "Uno", "new": None}


def test_several_rows_of_an_object_are_one_change() -> None:
    project = Project.objects.create(slug="one", name="a")
    with change_set():
        for name in "bcd":
            project.name = name
            project.save()
        gone = Project.objects.create(slug="made-and-gone")
        gone.delete()
        fresh = Project.objects.create(slug="new")
        fresh.name = "New"
        fresh.save()
    changes = diff.changes(history.revision())
    assert [(change.object, change.action) for change in changes] == [
        ("project:new", "create"),
        ("project:one", "update"),
    ]
    assert changes[0].fields["name"] == {"old": None, "new": "New"}
    assert changes[1].fields == {"name": {"old": "a", "new": "d"}}


def test_what_was_changed_back_is_no_change() -> None:
    project = Project.objects.create(slug="one", name="a")
    with change_set():
        for name in "ba":
            project.name = name
            project.save()
    assert diff.changes(history.revision()) == []


def test_json_values_differ_as_json() -> None:
    project = Project.objects.create(slug="one", tags={"x": 1})
    project.tags = {"x": True}
    project.save()
    (change,) = diff.changes(history.revision())
    assert change.fields == {"tags": {"old": {"x": 1}, "new": {"x": True}}}


def test_values_are_json_and_hold_no_secret() -> None:
    project = Project.objects.create(slug="one")
    key = a_key(project)
    key.expires_at = datetime(2030, 1, 1, tzinfo=UTC)
    key.save()
    assert diff.changes(history.revision())[0].fields["expires_at"]["new"].startswith("2030-01-01")
    told = str([diff.changes(number) for number in range(1, history.revision() + 1)])
    assert "0123456789abcdef" not in told
    assert "wxyz" in told


def test_a_deleted_parent_is_told_with_its_children() -> None:
    project = Project.objects.create(slug="one")
    a_key(project)
    project.delete()
    assert [(change.object, change.action) for change in diff.changes(history.revision())] == [
        ("project:one", "delete"),
        ("project_key:one/k1", "delete"),
    ]


def test_an_unknown_revision_changed_nothing() -> None:
    assert diff.changes(12345) == []


def test_only_what_the_user_may_see_is_told() -> None:
    with change_set():
        a_key(Project.objects.create(slug="one"))
    user = get_user_model().objects.create_user("reader")
    assert diff.changes(history.revision(), user=user) == []
    user.user_permissions.add(Permission.objects.get(codename="view_project"))
    user = get_user_model().objects.get(username="reader")
    assert [change.object for change in diff.changes(history.revision(), user=user)] == ["project:one"]


def test_a_change_reads_as_text() -> None:
    project = Project.objects.create(slug="one", name="One")
    assert ("accept_tasks", None, "false") in diff.changes(history.revision())[0].lines()
    assert "owner" not in [name for name, _, _ in diff.changes(history.revision())[0].lines()]
    project.name, project.allowed_models, project.enabled = "", ["fast"], False
    project.save()
    (change,) = diff.changes(history.revision())
    assert sorted(change.lines()) == [
        ("allowed_models", '["*"]', '["fast"]'),
        ("enabled", "true", "false"),
        ("name", "One", "(empty)"),
    ]
