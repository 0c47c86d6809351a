"""The groups that every `migrate` makes, and what becomes of rights that somebody gave or took."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from access import roles
from access.models import RoleState

pytestmark = pytest.mark.django_db


def rights(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{row.content_type.app_label}.{row.codename}" for row in rows}


def test_a_migrated_database_has_them(db):
    assert set(Group.objects.values_list("name", flat=True)) >= {"viewer", "operator", "admin"}
    assert "providers.view_provider" in rights("viewer") and "providers.change_provider" in rights("operator")
    assert {"auth.change_user", "access.add_providergrant", "axes.delete_accessattempt"} <= rights("admin")
    assert not {right for right in rights("viewer") if ".view_" not in right}


def test_what_somebody_took_or_gave_stays_over_the_next_migrate(db):
    viewer = Group.objects.get(name="viewer")
    viewer.permissions.remove(Permission.objects.get(codename="view_call"))
    viewer.permissions.add(Permission.objects.get(codename="change_route", content_type__app_label="providers"))
    before = rights("viewer")
    call_command("migrate", verbosity=0)
    assert rights("viewer") == before
    assert "audit.view_call" not in before and "providers.change_route" in before


def test_a_right_that_a_newer_version_brings_comes_in_once(db):
    state = RoleState.objects.get(role="admin")
    state.given.remove("access.add_providergrant")
    state.save()
    admin = Group.objects.get(name="admin")
    admin.permissions.remove(Permission.objects.get(codename="add_providergrant"))
    roles.ensure_groups()
    assert "access.add_providergrant" in rights("admin")


def test_a_group_that_was_deleted_comes_back_whole(db):
    Group.objects.get(name="operator").delete()
    call_command("migrate", verbosity=0)
    assert "providers.change_provider" in rights("operator")


def test_on_the_way_to_a_state_without_the_tables_nothing_is_made(db, monkeypatch):
    Group.objects.all().delete()
    monkeypatch.setattr(RoleState._meta, "db_table", "not_there_yet")
    roles.after_migrate()
    assert not Group.objects.exists()
