"""The revert page: the plan is shown first, and only that plan is carried out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from access.models import Project
from access.services import create_project
from audit import history, state
from audit.models import ChangeSet
from audit.revert import Target
from providers import services
from providers.models import ApiKey, Provider, ProviderModel, Route
from tests.audit.conftest import As
from tests.support.page import Element, read

pytestmark = pytest.mark.django_db
FEED = "/admin/audit/changeset/"


@pytest.fixture
def operator(browser_of: As, past: Provider) -> Client:
    return browser_of("operator")


def plan(browser: Client, address: str, status: int = 200) -> Element:
    answer = browser.get(address)
    assert answer.status_code == status
    return read(answer.content.decode())


def carry_out(browser: Client, address: str, **fields: str) -> Any:
    [hidden] = plan(browser, address).all("input", name_="plan_hash")
    return browser.post(address, {"plan_hash": hidden.attributes["value"], **fields})


def test_looking_at_a_plan_changes_nothing(operator: Client) -> None:
    before = state.at()
    told = plan(operator, f"{FEED}2/revert/")
    assert "Undo revision 2" in told.text and "2 steps" in told.text
    assert [row.text for row in told.all("ins")] == ["+ vision", '+ "top_k": 40']
    assert state.at() == before and history.revision() == 4


def test_a_revision_is_undone_as_a_new_one(operator: Client) -> None:
    answer = carry_out(operator, f"{FEED}2/revert/", change_reason="it was too large")
    assert answer.status_code == 302 and answer["Location"] == f"{FEED}5/change/"
    made = ChangeSet.objects.get(revision=5)
    assert (made.reverts, made.reason, made.origin, made.actor) == (2, "it was too large", "admin", "operator-person")
    assert ProviderModel.objects.get().context_window == 1000
    assert Route.objects.exists()
    shown = plan(operator, f"{FEED}5/change/").text
    assert "Undoes revision 2." in shown


def test_without_a_reason_it_says_what_it_does(operator: Client) -> None:
    carry_out(operator, f"{FEED}3/revert/")
    assert ChangeSet.objects.get(revision=5).reason == "Undoes revision 3."
    assert not Route.objects.exists()


def test_what_changed_since_is_named(operator: Client, past: Provider) -> None:
    services.update_model(model=ProviderModel.objects.get(), context_window=3000)
    told = plan(operator, f"{FEED}2/revert/").text
    assert "Changed again since" in told and "model:openai/gpt-4o : context_window, in revision 5" in told


def test_a_plan_that_is_no_longer_true_is_not_carried_out(operator: Client) -> None:
    [hidden] = plan(operator, f"{FEED}2/revert/").all("input", name_="plan_hash")
    services.update_model(model=ProviderModel.objects.get(), context_window=3000)
    answer = operator.post(f"{FEED}2/revert/", {"plan_hash": hidden.attributes["value"], "change_reason": "mine"})
    assert answer.status_code == 412
    told = read(answer.content.decode())
    assert "has changed since this plan was shown" in told.text
    [again] = told.all("input", name_="plan_hash")
    assert again.attributes["value"] != hidden.attributes["value"]
    assert [box.attributes["value"] for box in told.all("input", name_="change_reason")] == ["mine"]
    assert history.revision() == 5


@pytest.mark.parametrize("wrong", ["", "0" * 64])
def test_without_the_right_hash_nothing_happens(operator: Client, wrong: str) -> None:
    assert operator.post(f"{FEED}2/revert/", {"plan_hash": wrong}).status_code == 412
    assert history.revision() == 4


def test_a_deleted_key_comes_back_without_its_secret_and_the_page_says_so(operator: Client) -> None:
    told = plan(operator, f"{FEED}4/revert/").text
    assert "Secrets that are stored nowhere" in told and "awaiting its secret" in told
    answer = carry_out(operator, f"{FEED}4/revert/")
    key = ApiKey.objects.get()
    assert key.secret is None and not key.enabled
    shown = read(operator.get(answer["Location"]).content.decode()).text
    assert f"The secret of then of api_key:openai/{key.key_id} is stored nowhere" in shown


def test_one_object_is_put_back(operator: Client) -> None:
    address = f"{FEED}1/revert/?objects=model%3Aopenai%2Fgpt-4o"
    told = plan(operator, address)
    assert "Put model:openai/gpt-4o back to revision 1" in told.text and "1 step" in told.text
    assert carry_out(operator, address).status_code == 302
    assert ProviderModel.objects.get().capabilities == ["tools", "vision"]
    assert Provider.objects.get().connection_parameters.get().value == {"top_k": 50, "seed": 7}


def test_everything_is_put_back_by_who_has_that_right(browser_of: As, operator: Client) -> None:
    address = f"{FEED}1/revert/?everything=1"
    then = state.at(1)
    assert operator.get(address).status_code == 403
    assert operator.post(address, {"plan_hash": Target(to=1).plan().hash}).status_code == 403
    assert history.revision() == 4
    admin = browser_of("admin")
    assert carry_out(admin, address).status_code == 302
    now = state.at()
    assert {name: fields for name, fields in now.items() if not name.startswith("api_key")} == {
        name: fields for name, fields in then.items() if not name.startswith("api_key")
    }
    assert ChangeSet.objects.get(revision=history.revision()).reverts == 1


def test_who_may_not_revert_sees_no_plan(browser_of: As, past: Provider) -> None:
    viewer = browser_of("viewer")
    assert viewer.get(f"{FEED}2/revert/").status_code == 403
    assert viewer.post(f"{FEED}2/revert/", {"plan_hash": Target(undo=2).plan().hash}).status_code == 403
    assert history.revision() == 4
    assert "Undo this change set" not in plan(viewer, f"{FEED}2/change/").text


def test_who_may_not_change_what_it_changes_sees_no_plan(browser_of: As, past: Provider) -> None:
    create_project(slug="search")
    operator = browser_of("operator")
    group = Group.objects.get(name="operator")
    group.permissions.remove(Permission.objects.get(codename="delete_project"))
    assert operator.get(f"{FEED}5/revert/").status_code == 403
    assert operator.get(f"{FEED}3/revert/").status_code == 200


def test_where_a_reason_is_required_none_is_made_up(operator: Client, settings: Any) -> None:
    settings.REQUIRE_REASON = True
    assert "required" in plan(operator, f"{FEED}2/revert/").one("input", name_="change_reason").attributes
    answer = carry_out(operator, f"{FEED}2/revert/", change_reason=" ")
    assert answer.status_code == 400 and "Say why" in answer.content.decode() and history.revision() == 4
    assert carry_out(operator, f"{FEED}2/revert/", change_reason="why not").status_code == 302


def test_what_would_be_refused_is_said_before(operator: Client) -> None:
    create_project(slug="search", default_route="fast")
    told = plan(operator, f"{FEED}3/revert/")
    assert "route:fast" in told.text and "search" in told.text
    assert told.all("p", role="alert") and not told.all("input", name_="plan_hash")
    assert Project.objects.exists() and Route.objects.exists()


def test_what_is_already_so_needs_no_step(operator: Client) -> None:
    told = plan(operator, f"{FEED}4/revert/?objects=route%3Afast")
    assert "Nothing has to be put back." in told.text and not told.all("input", name_="plan_hash")


@pytest.mark.parametrize("address", ["99/revert/", "0/revert/", "1/revert/?objects=provider%3Anobody"])
def test_there_is_no_plan_for_what_never_was(operator: Client, address: str) -> None:
    assert operator.get(FEED + address).status_code == 404
    assert operator.post(FEED + address, {"plan_hash": "x"}).status_code in (400, 404, 412)
