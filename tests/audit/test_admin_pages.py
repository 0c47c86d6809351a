"""The pages of the history: the feed, a revision, a timeline, two configurations compared, the file as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit import diff, history
from audit.admin_base import TrackedAdmin
from audit.history import Tracked
from providers import services
from providers.models import Provider
from tests.audit.conftest import SECRET, As
from tests.support.page import Element, read

pytestmark = pytest.mark.django_db
FEED = "/admin/audit/changeset/"
SINCE_2001 = {"created_at_from_0": "2001-01-01", "created_at_from_1": "00:00:00"}


@pytest.fixture
def browser(browser_of: As, past: Provider) -> Client:
    return browser_of("viewer")


def page(browser: Client, address: str, status: int = 200, **query: Any) -> Element:
    answer = browser.get(address, query)
    assert answer.status_code == status, answer.status_code
    content = answer.content.decode()
    assert SECRET not in content
    return read(content)


def revisions(feed: Element) -> list[str]:
    return re.findall(r"/admin/audit/changeset/(\d+)/change/", " ".join(a.attributes["href"] for a in links(feed)))


def links(element: Element) -> list[Element]:
    return [a for a in element.all("a") if "href" in a.attributes]


def test_the_feed_is_newest_first_and_says_what_changed(browser: Client) -> None:
    feed = page(browser, FEED)
    assert revisions(feed) == ["4", "3", "2", "1"]
    told = feed.one("table", id="result_list").text
    assert "− api_key:openai/key-" in told and "+ route:fast" in told and "~ model:openai/gpt-4o" in told
    assert "just now" in told and "and 1 more" in told
    assert feed.all("time")[0].attributes["title"].startswith(f"{timezone.now():%Y-%m-}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"object": "model:openai/gpt-4o"}, ["2", "1"]),
        ({"object": "route:nowhere"}, []),
        ({"object": "nothing"}, []),
        ({"kind": "route"}, ["3"]),
        ({"actor__icontains": "c"}, ["2"]),
        ({"origin__exact": "rest"}, ["2"]),
        ({"q": "larger"}, ["2"]),
        ({"q": "request-of"}, ["2"]),
        ({"q": "fast"}, ["3"]),
        ({"q": "4"}, ["4", "2", "1"]),
        ({"q": "9" * 30}, []),
        ({**SINCE_2001, "created_at_to_0": "2001-12-31", "created_at_to_1": "23:59:59"}, []),
        (SINCE_2001, ["4", "3", "2", "1"]),
    ],
)
def test_the_feed_has_filters_and_a_search(browser: Client, query: dict[str, str], found: list[str]) -> None:
    assert revisions(page(browser, FEED, **query)) == found


def test_the_feed_costs_the_same_however_long_its_page_is(
    browser: Client, past: Provider, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        services.update_provider(provider=past, description=f"text {number}")
    browser.get(FEED)
    with django_assert_max_num_queries(40):
        page(browser, FEED)


def test_a_revision_shows_lists_by_item_and_json_by_line(browser: Client) -> None:
    told = page(browser, f"{FEED}2/change/")
    assert [row.text for row in told.all("del")] == ["1000", "− vision", '− "top_k": 40']
    assert [row.text for row in told.all("ins")] == ["+ audio", '+ "top_k": 50']
    kept = [row.text for row in told.all("div", class_="gw-diff")]
    assert "tools" in kept[0] and '"seed": 7' in kept[1]
    assert "a larger window" in told.text and "request-of-ci" in told.text
    assert "2000" in told.text


def test_a_revision_shows_secrets_as_fingerprints(browser: Client) -> None:
    [key] = [row for row in history.by_kind()["api_key"].rows().values() if row["history_type"] == "-"]
    told = page(browser, f"{FEED}4/change/")
    assert key["fingerprint"] in told.text and "secret (fingerprint)" in told.text


def test_a_revision_leads_to_what_can_be_done_with_it(browser_of: As, past: Provider) -> None:
    found = {a.attributes["href"] for a in links(page(browser_of("operator"), f"{FEED}2/change/"))}
    assert {f"{FEED}2/revert/", f"{FEED}2/config/", f"{FEED}compare/?from=2&to=4"} <= found
    assert f"{FEED}object/?name=model%3Aopenai%2Fgpt-4o" in found


def test_a_timeline_tells_one_object_only(browser: Client) -> None:
    told = page(browser, f"{FEED}object/", name="model:openai/gpt-4o").one("ol", id="timeline")
    assert [item.all("a")[0].text for item in told.all("li", class_="gw-card")] == ["Revision 2", "Revision 1"]
    assert "audio" in told.text and "top_k" not in told.text and "a larger window" in told.text


def test_a_timeline_outlives_its_object(browser: Client, past: Provider) -> None:
    [key] = {change.object for change in diff.changes(4)}
    told = page(browser, f"{FEED}object/", name=key)
    assert "There is no such object now." in told.text
    assert "deleted" in told.text and "created" in told.text


@pytest.mark.parametrize("name", ["", "provider:nobody", "nothing:at-all", "openai"])
def test_there_is_no_timeline_of_what_never_was(browser: Client, name: str) -> None:
    assert browser.get(f"{FEED}object/", {"name": name}).status_code == 404


def test_the_history_of_an_object_leads_on(browser: Client, past: Provider) -> None:
    told = page(browser, f"/admin/providers/provider/{past.pk}/history/")
    found = {a.attributes["href"] for a in links(told)}
    assert f"{FEED}object/?name=provider%3Aopenai" in found and f"{FEED}1/change/" in found


def test_two_revisions_are_compared_over_the_whole_configuration(browser: Client) -> None:
    told = page(browser, f"{FEED}compare/", **{"from": "1", "to": "3"})
    heads = [head.text for head in told.all("h3")]
    assert heads == ["model:openai/gpt-4o changed", "parameter:openai/extra_body@ changed", "route:fast created"]
    backwards = page(browser, f"{FEED}compare/", **{"from": "3", "to": "1"})
    assert "route:fast deleted" in [head.text for head in backwards.all("h3")]
    assert not page(browser, f"{FEED}compare/", **{"from": "2", "to": "2"}).all("h3")


def test_two_times_are_compared(browser: Client) -> None:
    told = page(browser, f"{FEED}compare/", **{"from": "2001-01-01", "to": "2999-01-01 12:00"})
    assert "From revision 0 to revision 4 ." in told.text
    assert "provider:openai created" in [head.text for head in told.all("h3")]


def test_without_a_question_the_newest_change_is_compared(browser: Client) -> None:
    assert "From revision 3 to revision 4 ." in page(browser, f"{FEED}compare/").text


@pytest.mark.parametrize("wrong", ["99", "9" * 40, "-1", "yesterday", "2031-99-99"])
def test_what_cannot_be_compared_is_said(browser: Client, wrong: str) -> None:
    told = page(browser, f"{FEED}compare/", 400, **{"from": wrong})
    assert "is no revision between 0 and 4" in told.text


def test_the_configuration_as_it_was_is_a_file(browser: Client) -> None:
    then = page(browser, f"{FEED}1/config/").one("pre").verbatim
    assert yaml.safe_load(then)["providers"]["openai"]["models"]["gpt-4o"]["context_window"] == 1000
    answer = browser.get(f"{FEED}2/config/", {"download": "1"})
    assert answer["Content-Type"] == "application/yaml" and "gateway_config.r2.yaml" in answer["Content-Disposition"]
    now = yaml.safe_load(answer.content)
    assert now["providers"]["openai"]["models"]["gpt-4o"]["context_window"] == 2000 and "fast" not in now["routes"]
    assert yaml.safe_load(browser.get(f"{FEED}0/config/", {"download": "1"}).content)["providers"] == {}
    assert browser.get(f"{FEED}99/config/").status_code == 404


@pytest.mark.parametrize("address", ["", "2/change/", "compare/", "object/?name=provider:openai", "1/config/"])
def test_the_pages_ask_for_the_right_to_view_them(browser_of: As, past: Provider, address: str) -> None:
    assert browser_of("viewer").get(FEED + address).status_code == 200
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger", is_staff=True))
    assert stranger.get(FEED + address).status_code == 403
    assert Client().get(FEED + address).status_code == 302


@pytest.mark.parametrize(
    "model", [m for m in admin.site._registry if issubclass(m, Tracked)], ids=lambda model: model.__name__
)
def test_every_form_of_a_tracked_object_asks_for_the_reason(model: type[Tracked], browser_of: As) -> None:
    assert isinstance(admin.site._registry[model], TrackedAdmin)
    root = browser_of("root")
    meta = model._meta
    form = root.get(f"/admin/{meta.app_label}/{meta.model_name}/add/")
    assert form.status_code == 403 or 'name="change_reason"' in form.content.decode()
