"""The reason for a change: in every form, and required where the operator wants that."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from access import services
from access.models import Project
from audit import history
from audit.admin_reason import REQUIRED
from audit.models import ChangeSet
from tests.audit.conftest import As

pytestmark = pytest.mark.django_db
LIST = "/admin/access/project/"


@pytest.fixture
def project(db: None) -> Project:
    return services.create_project(slug="search")


@pytest.fixture
def browser(browser_of: As) -> Client:
    return browser_of("root")


@pytest.fixture
def strict(settings: Any) -> None:
    settings.REQUIRE_REASON = True


def delete_selected(project: Project, **fields: str) -> dict[str, Any]:
    return {"action": "delete_selected", "_selected_action": [str(project.pk)], **fields}


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_the_reason_of_a_deletion_stands_in_the_history(browser: Client, project: Project) -> None:
    answer = browser.post(f"{LIST}{project.pk}/delete/", {"post": "yes", "change_reason": " no longer used "})
    assert answer.status_code == 302 and not Project.objects.exists()
    assert ChangeSet.objects.get(revision=history.revision()).reason == "no longer used"


@pytest.mark.usefixtures("strict")
def test_a_form_without_a_required_reason_is_not_saved(browser: Client, project: Project) -> None:
    form = browser.get(f"{LIST}{project.pk}/change/").content.decode()
    assert "Optional; it stands" not in form
    answer = browser.post(f"{LIST}{project.pk}/change/", {"name": "Another", "change_reason": ""})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["change_reason"] == ["This field is required."]
    assert history.revision() == 1


@pytest.mark.usefixtures("strict")
def test_nothing_is_deleted_without_a_required_reason(browser: Client, project: Project) -> None:
    address = f"{LIST}{project.pk}/delete/"
    assert "(optional)" not in browser.get(address).content.decode()
    answer = browser.post(address, {"post": "yes", "change_reason": "  "})
    assert answer.status_code == 302 and answer["Location"] == address and said(answer) == [REQUIRED]
    answer = browser.post(LIST, delete_selected(project, post="yes"))
    assert answer.status_code == 302 and said(answer)[-1] == REQUIRED
    assert Project.objects.exists() and history.revision() == 1
    assert browser.post(address, {"post": "yes", "change_reason": "why not"}).status_code == 302
    assert not Project.objects.exists()


@pytest.mark.usefixtures("strict")
def test_what_changes_nothing_needs_no_reason(browser: Client, project: Project) -> None:
    answer = browser.post(LIST, delete_selected(project))
    assert answer.status_code == 200 and "Delete the selected" in answer.content.decode()


def test_without_the_setting_the_reason_is_optional(browser: Client, project: Project) -> None:
    assert "(optional)" in browser.get(f"{LIST}{project.pk}/delete/").content.decode()
    browser.post(LIST, delete_selected(project, post="yes"))
    assert not Project.objects.exists() and ChangeSet.objects.get(revision=2).reason == ""
