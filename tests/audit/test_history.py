"""Every write of a tracked model leaves history rows of one change set, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.db import connection, transaction
from django.db.utils import DatabaseError

from access.models import Project, ProjectKey, UserToken
from audit import history, source
from audit.history import change_set
from audit.models import ChangeSet, RevisionCounter

pytestmark = pytest.mark.django_db


def a_key(project: Project, number: int = 1) -> ProjectKey:
    return ProjectKey.objects.create(
        project=project,
        key_id=f"key-{number}",
        name=f"key {number}",
        key_hash=f"hash-{number}",
        prefix="gw-",
        last4="abcd",
    )


def test_a_save_outside_of_a_change_set_opens_one() -> None:
    before = history.revision()
    project = Project.objects.create(slug="one")
    assert history.revision() == before + 1
    row = project.history.get()
    assert (row.revision, row.history_type) == (before + 1, "+")
    assert ChangeSet.objects.get().origin == "shell"


def test_one_change_set_is_one_revision() -> None:
    before = history.revision()
    with change_set(origin="command", actor="operator", reason="first", request_id="r-1", ip="10.0.0.1"):
        project = Project.objects.create(slug="one")
        a_key(project)
        project.name = "One"
        project.save()
    assert history.revision() == before + 1
    assert {row.revision for row in project.history.all()} == {before + 1}
    made = ChangeSet.objects.get()
    assert (made.actor, made.origin, made.reason, made.request_id, made.ip) == (
        "operator",
        "command",
        "first",
        "r-1",
        "10.0.0.1",
    )


def test_an_empty_change_set_raises_nothing() -> None:
    before = history.revision()
    with change_set(reason="nothing to do"):
        pass
    assert history.revision() == before
    assert not ChangeSet.objects.exists()


def test_an_unchanged_save_writes_no_row() -> None:
    project = Project.objects.create(slug="one", tags={"team": "a"})
    before, updated_at = history.revision(), project.updated_at
    Project.objects.get(slug="one").save()
    project.save(update_fields=["name", "tags"])
    assert history.revision() == before
    assert project.history.count() == 1
    project.refresh_from_db()
    assert project.updated_at == updated_at


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), (None, False), ({"a": 1}, {"a": True})])
def test_json_values_that_python_holds_equal_are_changes(old: Any, new: Any) -> None:
    project = Project.objects.create(slug="one", tags={"x": old})
    project.tags = {"x": new}
    project.save()
    assert project.history.count() == 2


def test_a_save_is_atomic_with_its_history() -> None:
    project = Project.objects.create(slug="one", name="old")
    before = history.revision()

    def refuse_history(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT" in sql and "historicalproject" in sql:
            raise DatabaseError("disk full")
        return execute(sql, params, many, context)

    project.name = "new"
    with connection.execute_wrapper(refuse_history), pytest.raises(DatabaseError):
        project.save()
    project.refresh_from_db()
    assert project.name == "old"
    assert history.revision() == before


def test_an_error_in_a_change_set_undoes_all_of_it() -> None:
    before = history.revision()
    with pytest.raises(ZeroDivisionError), change_set():
        Project.objects.create(slug="one")
        raise ZeroDivisionError
    assert not Project.objects.exists()
    assert history.revision() == before
    Project.objects.create(slug="two")  # the failed one is not joined
    assert history.revision() == before + 1


def test_nested_change_sets_are_one_and_a_rolled_back_part_leaves_no_trace() -> None:
    before = history.revision()
    with change_set(reason="outer"):
        with change_set(reason="inner"):
            Project.objects.create(slug="kept")
        with pytest.raises(ZeroDivisionError), change_set():
            Project.objects.create(slug="dropped")
            raise ZeroDivisionError
    assert history.revision() == before + 1
    assert [row.slug for row in Project.history.all()] == ["kept"]
    assert ChangeSet.objects.get().reason == "outer"


def test_a_change_set_whose_only_write_was_rolled_back_raises_nothing() -> None:
    before = history.revision()
    with change_set(), pytest.raises(ZeroDivisionError), transaction.atomic():
        Project.objects.create(slug="dropped")
        raise ZeroDivisionError
    assert history.revision() == before
    assert not ChangeSet.objects.exists()


def test_writes_that_leave_no_history_are_refused() -> None:
    project = Project.objects.create(slug="one")
    for write in (
        lambda: Project.objects.update(name="x"),
        lambda: Project.objects.filter(slug="one").update(name="x"),
        lambda: Project.objects.bulk_create([Project(slug="two")]),
        lambda: Project.objects.bulk_update([project], ["name"]),
        lambda: project.keys.update(name="x"),
    ):
        with pytest.raises(TypeError, match="history"), transaction.atomic():
            write()
    dumped = serializers.serialize("json", [project])
    with pytest.raises(TypeError, match="history"), transaction.atomic():
        next(iter(serializers.deserialize("json", dumped))).save()


def test_deleting_a_queryset_and_its_cascade_are_in_the_history() -> None:
    project = Project.objects.create(slug="one")
    key = a_key(project)
    before = history.revision()
    Project.objects.filter(slug="one").delete()
    assert history.revision() == before + 1
    assert Project.history.get(history_type="-").revision == before + 1
    assert ProjectKey.history.get(id=key.pk, history_type="-").revision == before + 1


def test_a_cascade_from_an_untracked_object_is_in_the_history_too() -> None:
    user = get_user_model().objects.create_user("leaver")
    UserToken.objects.create(user=user, token_id="leaver-1", name="t", token_hash="h", prefix="gwadm-", last4="abcd")
    before = history.revision()
    user.delete()
    assert UserToken.history.get(history_type="-").revision == before + 1
    assert history.revision() == before + 1
    assert ChangeSet.objects.filter(revision=before + 1).exists()


def test_bulk_update_writes_rows_of_what_differs() -> None:
    projects = [Project.objects.create(slug=f"p{number}") for number in range(3)]
    before = history.revision()
    for project in projects[:2]:
        project.name = "same"
    assert history.bulk_update(projects, ["name"]) == 2
    assert history.revision() == before + 1
    assert Project.history.filter(revision=before + 1, history_type="~").count() == 2
    assert history.bulk_update(projects, ["name"]) == 0
    assert history.revision() == before + 1
    with pytest.raises(TypeError), transaction.atomic():  # the door is closed again
        Project.objects.update(name="x")


def test_the_actor_may_be_no_user() -> None:
    class Principal:
        pk = 7

        def get_username(self) -> str:
            return "token:ci"

    with change_set(origin="rest", actor="token:ci", user=Principal()):
        project = Project.objects.create(slug="one")
    assert project.history.get().history_user_id is None
    assert ChangeSet.objects.get().actor == "token:ci"


def test_a_user_as_actor_stands_in_the_rows() -> None:
    user = get_user_model().objects.create_user("operator")
    with source.use(actor="operator", user=user, origin="admin"):
        project = Project.objects.create(slug="one")
    assert project.history.get().history_user_id == user.pk
    user.delete()
    assert ChangeSet.objects.get(revision=project.history.get().revision).actor == "operator"


def test_the_counter_is_one_row() -> None:
    Project.objects.create(slug="one")
    Project.objects.create(slug="two")
    assert RevisionCounter.objects.get().revision == ChangeSet.objects.order_by("-revision").first().revision


def test_history_rows_hold_no_hashes() -> None:
    key = a_key(Project.objects.create(slug="one"))
    assert "hash-1" not in str(ProjectKey.history.filter(id=key.pk).values())
