"""The start page over HTTP: every figure for a known set of calls, the checklist of a first run, and who sees what."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access import services as access
from audit import call_store, history
from audit.models import Call, ChangeSet
from providers import services
from providers.models import Provider
from tests.admin.known_calls import (
    DAYS,
    ERRORS,
    GPT,
    HOURS,
    KEY,
    MINUTES,
    MODELS,
    NONE,
    PROVIDERS,
    SERIES,
    TOTALS,
    make_providers,
    store_known_calls,
)
from tests.support.made_calls import call
from tests.support.page import Element, read

pytestmark = pytest.mark.django_db


def page(client: Client, window: str = "") -> Element:
    answer = client.get("/admin/", {"window": window} if window else {})
    assert answer.status_code == 200
    return read(answer.content.decode())


def tiles(shown: Element) -> dict[str, tuple[str, str]]:
    """Name -> (value, note)."""
    found = {}
    for tile in shown.all("div", class_="gw-card gw-tile"):
        value, note = (part.text for part in tile.all("p"))
        found[tile.one("h2").text] = (value, note)
    return found


def charts(shown: Element) -> dict[str, dict[str, Any]]:
    """Title -> what the chart is given."""
    return {
        figure.all("span", class_="gw-title")[0].text: json.loads(figure.one("canvas").attributes["data-value"])
        for figure in shown.all("figure")
    }


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_every_figure_of_a_known_set_of_calls(admin: Client, window: str) -> None:
    make_providers()
    store_known_calls()
    shown = page(admin, window)
    assert tiles(shown) == TOTALS[window]
    lines = {line[0]: line[3:] for line in shown.section("Providers").lines()}
    assert {name: lines[name] for name in PROVIDERS[window]} == PROVIDERS[window]
    assert lines["mistral"] == lines["echo"] == NONE  # not called, and shown nevertheless
    assert shown.section("Models").lines() == MODELS[window]
    assert [line[1:] for line in shown.section("Latest errors").lines()] == ERRORS[window]


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_the_charts_add_up_to_the_totals(admin: Client, window: str) -> None:
    store_known_calls()
    shown = page(admin, window)
    drawn, totals = charts(shown), TOTALS[window]
    calls = {row["label"]: row["data"] for row in drawn["Calls"]["datasets"]}
    assert sum(map(sum, calls.values())) == int(totals["Calls"][0])
    assert f"{sum(calls['failed'])} failed" == totals["Success rate"][1]
    tokens = sum(sum(row["data"]) for row in drawn["Tokens"]["datasets"])
    assert f"{tokens:,}" == totals["Tokens"][0]
    p50, p95 = (row["data"] for row in drawn["Latency"]["datasets"])
    if window != "7d":  # whose six hours may hold the calls of both moments
        assert (85.0, 98.5) in zip(p50, p95, strict=True)
    for chart in drawn.values():
        assert {len(row["data"]) for row in chart["datasets"]} == {len(chart["labels"])} == {SERIES[window]}
    assert all(
        value is None for value, made in zip(p50, zip(*calls.values(), strict=True), strict=True) if not sum(made)
    )


def test_a_point_stands_at_its_time(admin: Client) -> None:
    record = call(MINUTES, **GPT)
    call_store.insert([record])
    began = timezone.now() - MINUTES
    chart = charts(page(admin, "1h"))["Calls"]
    [place] = [number for number, value in enumerate(chart["datasets"][0]["data"]) if value]
    assert chart["labels"][place] in {f"{began - timedelta(seconds=number):%H:%M}" for number in (0, 5)}


def test_charts_say_in_words_what_they_show(admin: Client) -> None:
    store_known_calls()
    told = {figure.attributes["aria-label"] for figure in page(admin).all("figure")}
    assert told == {
        "Calls by hour: 7 succeeded, 1 failed, 1 cancelled",
        "Latency by hour: p50 1,550 ms, p95 1,955 ms",
        "Tokens by hour: 5,000 input, 2,600 output",
    }


def test_the_day_is_the_usual_window_and_the_switch_says_which(admin: Client) -> None:
    store_known_calls()
    for asked, current in (("", "24 hours"), ("no-such", "24 hours"), ("7d", "7 days"), ("1h", "1 hour")):
        shown = page(admin, asked)
        links = shown.one("nav", aria_label="Time span").all("a")
        assert [link.text for link in links] == ["1 hour", "24 hours", "7 days"]
        assert [link.text for link in links if link.attributes.get("aria-current")] == [current]
    assert [link.attributes["href"] for link in links] == ["?window=1h", "?window=24h", "?window=7d"]


def test_the_state_of_each_provider(admin: Client) -> None:
    made = make_providers()
    section = page(admin).section("Providers")
    assert {name: (state, keys) for name, state, keys, *_ in section.lines()} == {
        "openai": ("enabled", "1 of 1 usable"),
        "anthropic": ("no usable key", "0 of 1 usable"),
        "mistral": ("disabled", "1 of 1 usable"),
        "echo": ("enabled", "none needed"),
        "empty": ("no model", "1 of 1 usable"),
        "unkeyed": ("no usable key", "none"),
    }
    for link in section.one("tbody").all("a"):
        assert link.attributes["href"] == reverse("admin:providers_provider_change", args=[made[link.text].pk])


def test_a_key_counts_only_where_it_could_be_used(admin: Client) -> None:
    keys = [
        {"name": "good", "key_value": KEY},
        {"name": "ends", "key_value": KEY, "expires_at": timezone.now() + DAYS},
        {"name": "elsewhere", "key_value": KEY, "environment": "production"},
        {"name": "nowhere", "reference": "env:NO_SUCH_API_KEY"},
    ]
    services.create_provider(provider_id="openai", provider_type="openai", models=[{"model_id": "m"}], api_keys=keys)
    assert page(admin).section("Providers").lines()[0][:3] == ["openai", "enabled", "2 of 4 usable"]
    with connection.cursor() as cursor:  # the services take no date that is past
        past = timezone.now() - MINUTES
        cursor.execute("UPDATE providers_apikey SET expires_at = %s WHERE name IN ('good', 'ends')", [past])
    assert page(admin).section("Providers").lines()[0][:3] == ["openai", "no usable key", "0 of 4 usable"]


def test_latest_errors_lead_to_their_calls(admin: Client) -> None:
    store_known_calls()
    links = page(admin, "7d").section("Latest errors").one("tbody").all("a")
    assert [link.text for link in links] == sorted((link.text for link in links), reverse=True)
    found = [admin.get(link.attributes["href"]) for link in links]
    assert [answer.status_code for answer in found] == [200, 200, 200]
    codes = ["rate_limit_exceeded", "upstream_error", "model_not_found"]
    assert all(code in answer.content.decode() for code, answer in zip(codes, found, strict=True))


def test_no_more_than_ten_errors_and_a_way_to_the_others(admin: Client) -> None:
    failed = {"status": "failed", "http_status": 502, "error_code": "upstream_error"}
    call_store.insert([call(MINUTES + timedelta(seconds=number), **GPT, **failed) for number in range(12)])
    call_store.insert([call(MINUTES, **GPT, requested_model="that-went-well")])
    section = page(admin).section("Latest errors")
    assert len(section.lines()) == 10
    [link] = [link for link in section.all("a") if link.text == "All failed calls"]
    listed = admin.get(link.attributes["href"])
    assert listed.status_code == 200 and listed.context["cl"].queryset.count() == 12
    assert "that-went-well" not in listed.content.decode()


def test_without_calls_of_late_the_page_says_so(admin: Client) -> None:
    services.create_provider(
        provider_id="openai", provider_type="openai", models=[{"model_id": "m"}], api_key={"key_value": KEY}
    )
    call_store.insert([call(HOURS, **GPT)])
    quiet = page(admin, "1h")
    assert tiles(quiet)["Success rate"] == ("–", "0 failed") and tiles(quiet)["Calls"][0] == "0"
    assert "No calls in the last hour." in quiet.text and "None in the last hour." in quiet.text
    assert not quiet.all("canvas") and "First steps" not in quiet.text
    assert tiles(page(admin, "24h"))["Calls"][0] == "1"


def test_the_revision_and_its_age(admin: Client) -> None:
    with history.change_set(origin="rest", actor="<b>ci</b>", reason="a new model"):
        services.create_provider(provider_id="openai", provider_type="openai")
    newest = history.revision()
    ChangeSet.objects.filter(revision=newest).update(created_at=timezone.now() - timedelta(hours=5, minutes=20))
    shown = page(admin)
    assert f"Revision {newest} , changed 5 hours ago by <b>ci</b> : a new model · development" in shown.text
    [link] = [link for link in shown.all("a") if link.text == f"Revision {newest}"]
    assert admin.get(link.attributes["href"]).status_code == 200
    ChangeSet.objects.filter(revision=newest).update(created_at=timezone.now(), actor="", reason="")
    assert f"Revision {newest} , changed just now by the system · development" in page(admin).text


def test_who_may_not_see_calls_gets_the_plain_page(admin: Client) -> None:
    make_providers()
    store_known_calls()
    user = access.create_user(username="pia", password=None)
    user.user_permissions.add(Permission.objects.get(codename="view_provider"))
    client = Client()
    client.force_login(user)
    answer = client.get("/admin/")
    shown = read(answer.content.decode())
    assert answer.status_code == 200 and "dashboard" not in answer.context
    assert [link.attributes["href"] for link in shown.all("th")[0].all("a")] == ["/admin/providers/provider/"]
    assert not tiles(shown) and not shown.all("canvas") and not shown.all("nav", aria_label="Time span")
    for told in ("Success rate", "rate_limit_exceeded", "Latest errors", "Revision", "First steps"):
        assert told not in shown.text


def test_a_viewer_sees_all_of_it(viewer: Client) -> None:
    make_providers()
    store_known_calls()
    shown = page(viewer, "7d")
    assert tiles(shown) == TOTALS["7d"]
    assert len(shown.section("Providers").lines()) == 6 and len(charts(shown)) == 3
    assert len(shown.section("Latest errors").lines()) == 3 and "Revision" in shown.text


def test_of_the_configuration_only_what_the_user_may_see(admin: Client) -> None:
    make_providers()
    store_known_calls()
    user = access.create_user(username="carl", password=None)
    user.user_permissions.add(Permission.objects.get(codename="view_call"))
    client = Client()
    client.force_login(user)
    shown = page(client, "7d")
    assert tiles(shown) == TOTALS["7d"]
    assert "Revision" not in shown.text and "mistral" not in shown.text and "no usable key" not in shown.text


def test_a_stranger_is_sent_to_the_log_in() -> None:
    answer = Client().get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


def test_nothing_comes_from_another_host(admin: Client) -> None:
    make_providers()
    for filled in (False, True):
        if filled:
            store_known_calls()
        shown = page(admin)
        named = [
            value
            for element in shown.below()
            for name, value in element.attributes.items()
            if name in ("src", "href", "action", "srcset", "data-src", "poster")
        ]
        assert len(named) > 20
        assert [value for value in named if not re.match(r"(/(?!/)|\?|#)", value)] == []
        addresses = set(re.findall(r"https?://[^/\s\"'<]+", admin.get("/admin/").content.decode()))
        assert addresses <= {"http://testserver", "http://www.w3.org"}  # the curl of the first run; SVG's name


def test_queries_do_not_grow_with_providers_and_calls(admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as told:
            page(admin, "7d")
        return len(told)

    def grow(number: int) -> None:
        for place in range(number):
            services.create_provider(
                provider_id=f"p{Provider.objects.count()}",
                provider_type="openai",
                models=[{"model_id": f"m{place}"}, {"model_id": "n"}],
                api_keys=[{"name": "a", "key_value": KEY}, {"name": "b", "key_value": KEY}],
            )

    grow(1)
    page(admin)  # Django looks up content types once
    empty = queries()
    grow(5)
    assert queries() == empty <= 20
    failed = {"status": "failed", "http_status": 502}
    call_store.insert([call(MINUTES, provider="p0", model="m0", **failed)])
    few = queries()
    call_store.insert([call(HOURS * number, provider=f"p{number % 6}", model="n", **failed) for number in range(50)])
    grow(5)
    assert queries() == few <= 20
    assert Call.objects.count() == 51
