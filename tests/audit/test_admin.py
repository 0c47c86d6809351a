"""The admin pages of records, and what every tracked object's pages share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.sites import AdminSite
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from access.models import Project, ProjectKey
from audit import calls, history, source
from audit.admin_base import TrackedAdmin, change_set_of
from audit.history import change_set
from audit.models import Call, ChangeSet
from llm.observe import call_id as call_ids
from llm.observe.record import CallRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser("operator", password="x")


@pytest.fixture
def browser(operator: Any) -> Client:
    client = Client()
    client.force_login(operator)
    return client


class PlainAdmin(TrackedAdmin):
    """What a subclass is at least."""


@pytest.fixture
def site() -> AdminSite:
    made = AdminSite(name="admin")
    made.register(Project, PlainAdmin)
    return made


def a_call(**fields: Any) -> Call:
    call = calls.row(
        CallRecord(
            call_id=call_ids.new(),
            created_at=datetime(2031, 5, 17, tzinfo=UTC).timestamp(),
            **{"request_id": "request-1", "endpoint": "messages", "status": "failed", "http_status": 502, **fields},
        )
    )
    call.save(force_insert=True)
    return call


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_calls_page_lists_searches_and_shows(browser: Client) -> None:
    call = a_call(provider="openai", model="gpt-4o", error_code="upstream_error")
    a_call(request_id="other", requested_model="asked-for", status="succeeded", http_status=200)
    listed = text(browser.get("/admin/audit/call/"))
    assert "openai/gpt-4o" in listed and "asked-for" in listed
    for query in ({"q": str(call.call_id)}, {"q": "request"}, {"status": "failed"}, {"provider": "openai"}):
        found = text(browser.get("/admin/audit/call/", query))
        assert "openai/gpt-4o" in found and "asked-for" not in found, query
    assert "upstream_error" in text(browser.get(f"/admin/audit/call/{call.call_id}/change/"))


def test_the_calls_page_counts_no_rows(browser: Client, django_assert_max_num_queries: Any) -> None:
    a_call()
    with django_assert_max_num_queries(20) as queries:
        browser.get("/admin/audit/call/")
    assert not [query for query in queries if "COUNT(" in query["sql"] and "audit_call" in query["sql"]]


@pytest.mark.parametrize("page", ["call", "changeset"])
def test_records_cannot_be_written(browser: Client, page: str) -> None:
    assert browser.get(f"/admin/audit/{page}/add/").status_code == 403
    call = a_call()
    Project.objects.create(slug="one")
    key = call.call_id if page == "call" else history.revision()
    assert browser.post(f"/admin/audit/{page}/{key}/change/", {"reason": "x"}).status_code == 403
    assert browser.post(f"/admin/audit/{page}/{key}/delete/", {"post": "yes"}).status_code == 403


def test_a_change_set_is_shown_with_its_readable_changes(browser: Client) -> None:
    project = Project.objects.create(slug="one", name="Before")
    with change_set(origin="rest", actor="ci", reason="a better name"):
        project.name = "<b>After</b>"
        project.save()
        ProjectKey.objects.create(
            project=project, key_id="k1", name="key", key_hash="0123456789abcdef", prefix="gw-", last4="wxyz"
        )
    listed = text(browser.get("/admin/audit/changeset/"))
    assert "a better name" in listed and "ci" in listed
    page = text(browser.get(f"/admin/audit/changeset/{history.revision()}/change/"))
    assert "project:one" in page and "project_key:one/k1" in page
    assert "Before" in page and "&lt;b&gt;After&lt;/b&gt;" in page
    assert "0123456789abcdef" not in page
    assert "slug" not in page.partition('id="changes"')[2].partition("project_key:one/k1")[0]  # it did not change


@pytest.mark.parametrize("number", ["99999", "no-number", "9" * 30])
def test_an_unknown_change_set_redirects(browser: Client, number: str) -> None:
    assert browser.get(f"/admin/audit/changeset/{number}/change/").status_code in (302, 404)


def test_the_history_of_an_object_is_readable_and_holds_no_secret(browser: Client) -> None:
    project = Project.objects.create(slug="one", name="Before")
    with change_set(origin="admin", actor="operator", reason="why not"):
        project.name = "Between"
        project.save()
        project.name = "After"
        project.save()
    page = text(browser.get(reverse("admin:access_project_history", args=[project.pk])))
    table = page.partition('id="change-history"')[2]
    assert "Before" in table and "After" in table and "Between" not in table
    assert "why not" in table and "operator" in table
    assert reverse("admin:audit_changeset_change", args=[history.revision()]) in table


@pytest.mark.parametrize("number", ["no-number", "9" * 30])
def test_the_history_of_nothing_is_not_found(browser: Client, number: str) -> None:
    assert browser.get(f"/admin/access/project/{number}/history/").status_code == 404


def test_an_old_version_has_no_form(browser: Client) -> None:
    project = Project.objects.create(slug="one")
    with pytest.raises(NoReverseMatch):
        reverse("admin:access_project_simple_history", args=[project.pk, 1])
    answer = browser.get(f"/admin/access/project/{project.pk}/history/{project.history.get().pk}/")
    assert answer.status_code in (302, 404)


def posted(operator: Any, **fields: str) -> Any:
    request = RequestFactory().post("/", fields)
    request.user = operator
    return request


def test_a_post_is_one_change_set_with_actor_and_reason(operator: Any) -> None:
    with change_set_of(posted(operator, change_reason=" because ")):
        Project.objects.create(slug="one")
        Project.objects.create(slug="two")
    made = ChangeSet.objects.get()
    assert (made.actor, made.origin, made.reason) == ("operator", "admin", "because")
    assert {row.history_user_id for row in Project.history.all()} == {operator.pk}


def test_reading_opens_none(operator: Any) -> None:
    request = RequestFactory().get("/")
    request.user = operator
    with change_set_of(request) as opened:
        assert opened is None
    assert source.current().actor == ""


def test_every_form_asks_for_the_reason_and_does_not_store_it(site: AdminSite, operator: Any) -> None:
    page = site.get_model_admin(Project)
    request = posted(operator, slug="one", allowed_models='["*"]', tags="{}", change_reason="first one")
    request._dont_enforce_csrf_checks = True
    request._messages = _Messages()
    form = page.get_form(request)
    assert not form.base_fields["change_reason"].required
    assert page.get_fieldsets(request)[-1][1]["fields"] == ["change_reason"]
    assert page.add_view(request).status_code == 302
    assert Project.objects.get().slug == "one"
    assert ChangeSet.objects.get().reason == "first one"


def test_deleting_asks_for_the_reason_too(site: AdminSite, operator: Any) -> None:
    page = site.get_model_admin(Project)
    project = Project.objects.create(slug="one")
    request = RequestFactory().get("/")
    request.user = operator
    assert 'name="change_reason"' in page.delete_view(request, str(project.pk)).render().content.decode()
    request = posted(operator, post="yes", change_reason="no longer used")
    request._dont_enforce_csrf_checks = True
    request._messages = _Messages()
    assert page.delete_view(request, str(project.pk)).status_code == 302
    assert ChangeSet.objects.get(revision=history.revision()).reason == "no longer used"


class _Messages:
    """Takes what the admin tells its user."""

    def add(self, *_: Any, **__: Any) -> None:
        return None
