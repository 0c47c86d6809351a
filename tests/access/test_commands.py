from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from access import roles
from access.credentials import digest
from access.models import ProjectKey, UserToken
from audit.models import ChangeSet

pytestmark = pytest.mark.django_db


def said(capsys, *arguments, **options):
    call_command(*arguments, **options)
    return capsys.readouterr().out


def test_create_key_prints_the_key_and_nothing_else(project, capsys):
    text = said(capsys, "create_key", "search", name="laptop")
    assert text.endswith("\n") and ProjectKey.objects.get().key_hash == digest(text.strip())
    assert ChangeSet.objects.first().origin == "command"


def test_create_token_prints_the_token_and_nothing_else(root, capsys):
    text = said(capsys, "create_token", "root", expires_in_days=7)
    token = UserToken.objects.get()
    assert token.token_hash == digest(text.strip())
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)


def test_create_user_takes_the_password_from_a_variable(monkeypatch, capsys, db):
    monkeypatch.setenv("THE_PASSWORD", "a long password of ann")
    assert said(capsys, "create_user", "ann", group=["viewer"], password_env="THE_PASSWORD") == "ann\n"
    user = User.objects.get()
    assert user.check_password("a long password of ann") and user.is_staff and not user.is_superuser
    assert [group.name for group in user.groups.all()] == ["viewer"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create_key", "nowhere"], "nowhere"),
        (["create_token", "nobody"], "nobody"),
        (["create_token", "root", "--expires-in-days", "0"], "between"),
        (["create_user", "root", "--password-env", "THE_PASSWORD"], "already"),
        (["create_user", "ann", "--password-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (["create_user", "ann", "--password-env", "WEAK"], "password"),
        (["create_user", "ann", "--group", "gods", "--password-env", "THE_PASSWORD"], "gods"),
    ],
)
def test_what_is_wrong_is_one_line_and_not_a_trace(root, project, monkeypatch, capsys, arguments, told):
    monkeypatch.setenv("THE_PASSWORD", "a long password of ann")
    monkeypatch.setenv("WEAK", "short")
    with pytest.raises(CommandError, match=told):
        call_command(*arguments)
    assert capsys.readouterr().out == ""


def test_a_name_that_is_taken_is_an_error(project):
    call_command("create_key", "search", stdout=StringIO())
    with pytest.raises(CommandError, match="already"):
        call_command("create_key", "search")


def test_groups_are_made_once_and_what_was_changed_in_them_stays(db):
    roles.ensure_groups()
    rights = {
        group.name: {f"{row.content_type.app_label}.{row.codename}" for row in group.permissions.all()}
        for group in Group.objects.all()
    }
    assert "providers.view_apikey" in rights["viewer"] and "access.view_usertoken" not in rights["viewer"]
    assert not {right for right in rights["viewer"] if ".view_" not in right}
    assert "providers.change_provider" in rights["operator"] and "access.add_usertoken" not in rights["operator"]
    assert rights["viewer"] < rights["operator"] < rights["admin"]
    Group.objects.get(name="viewer").permissions.clear()
    roles.ensure_groups()
    assert not Group.objects.get(name="viewer").permissions.exists()
