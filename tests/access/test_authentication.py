from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from access import roles, services
from access.models import UserToken, UserTokenState
from audit import history
from audit.models import ChangeSet

pytestmark = pytest.mark.django_db


def asked(text=None, *, header=None):
    client = APIClient()
    if text is not None or header is not None:
        client.credentials(HTTP_AUTHORIZATION=header if header is not None else f"Bearer {text}")
    return client.get("/projects")


def test_a_token_lets_its_user_in(root):
    _, text = services.create_token(user=root, name="ci")
    assert asked(text).status_code == 200


def test_without_a_token_it_is_401_and_not_403(db):
    answer = asked()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_project_key_is_told_what_is_needed(project):
    _, text = services.create_key(project=project, name="a")
    answer = asked(text)
    assert answer.status_code == 401
    assert "gwadm-" in answer.json()["detail"] and text not in answer.content.decode()


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer a b", "Bearer sk-123", "Bearer gwadm-unknown", "Bearer gwadm-\xff"]
)
def test_what_is_no_token_of_ours_is_401(db, header):
    assert asked(header=header).status_code == 401


def test_expired_disabled_and_inactive_get_one_and_the_same_answer(root):
    _, text = services.create_token(user=root, name="ci", expires_at=timezone.now() + timedelta(days=1))
    answers = [asked("gwadm-" + "x" * 43)]
    UserToken.objects.get().delete()
    answers.append(asked(text))
    token, text = services.create_token(user=root, name="off", enabled=False)
    answers.append(asked(text))
    token.enabled, token.expires_at = True, timezone.now() - timedelta(seconds=1)
    token.save()
    answers.append(asked(text))
    token.expires_at = None
    token.save()
    root.is_active = False
    root.save()
    answers.append(asked(text))
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}


def test_rights_are_those_of_the_user(db):
    roles.ensure_groups()
    viewer = services.create_user(username="vera", password=None, groups=["viewer"])
    _, text = services.create_token(user=viewer, name="ci")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/projects").status_code == 200
    assert client.post("/projects", {"slug": "a"}, format="json").status_code == 403
    assert client.get("/projects/nowhere").status_code == 404


def test_use_is_noted_once_a_minute_and_is_no_revision(root):
    _, text = services.create_token(user=root, name="ci")
    before = history.revision()
    asked(text)
    first = UserTokenState.objects.get().last_used_at
    asked(text)
    assert UserTokenState.objects.get().last_used_at == first
    UserTokenState.objects.update(last_used_at=first - timedelta(minutes=2))
    asked(text)
    assert UserTokenState.objects.get().last_used_at > first
    assert history.revision() == before


def test_the_user_is_the_actor_of_a_change(api, root):
    api.post("/projects", {"slug": "a", "reason": "new team"}, format="json", REMOTE_ADDR="192.0.2.7")
    made = ChangeSet.objects.first()
    assert (made.actor, made.origin, made.reason, made.ip) == ("root", "rest", "new team", "192.0.2.7")


def test_the_session_of_the_admin_works_too(root, client):
    client.force_login(root)
    assert client.get("/projects").status_code == 200
