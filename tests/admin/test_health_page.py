"""The page of health: states with a button, strips of incidents, changes of state; and the lists behind it."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from django.utils import timezone

from access import services
from audit import health_events, history
from audit.models import HealthEvent, HealthOrder, HealthState, Incident
from audit.spans import span
from gateway_project.admin_site import incident_chart
from providers.models import Provider
from tests.support.health import event
from tests.support.page import Element, read

pytestmark = pytest.mark.django_db


def page(client: Client) -> Element:
    answer = client.get("/admin/health/")
    assert answer.status_code == 200
    return read(answer.content.decode())


@pytest.fixture
def told(provider: Provider) -> None:
    """Two hours ago openai was open for 90 s; a model of it is open, and a key of another cools down."""
    now = time.time()
    ago = now - 7200
    health_events.insert(
        [
            event(0, began=ago, category="connection"),
            event(90, began=ago, old="open", new="closed"),
            event(0, began=now - 60, kind="model", name="openai/gpt-4o", category="server", until=now + 30),
            event(0, began=now, kind="key", name="other/k1", new="cooling", category="rate_limit", until=now + 60),
        ]
    )


def test_without_trouble_it_says_so(admin: Client) -> None:
    shown = page(admin)
    assert "Every provider, model and key is called as usual." in shown.text
    assert "None is open, and none was in the last 24 hours." in shown.text
    assert not shown.all("form", action="/admin/health/reset/") and not shown.all("svg", class_="gw-strip")


@pytest.mark.usefixtures("told")
def test_what_it_shows(admin: Client) -> None:
    shown = page(admin)
    assert [line[:3] for line in shown.section("Now").lines()] == [
        ["openai/gpt-4o model", "open", "server, 5 failures, by calls"],
        ["other/k1 key", "cooling", "rate limit, 5 failures, by calls"],
    ]
    incidents = [(line[1], line[3], line[5], line[7]) for line in shown.section("Incidents").lines()]
    assert incidents[0][:3] == ("openai/gpt-4o", "server", "open") and incidents[0][3].startswith("1 min")
    assert incidents[1][:2] == ("openai", "connection") and incidents[1][3] == "1 min 30 s"
    changes = [(line[1], line[3], line[4]) for line in shown.section("Latest changes of state").lines()]
    assert changes[0] == ("other/k1", "cooling", "rate limit") and changes[-1] == ("openai", "open", "connection")
    told = {one.attributes["aria-label"] for one in shown.all("svg", class_="gw-strip")}
    assert told >= {"openai: 1 incident, 1 min 30 s in all"} and len(told) == 2
    for link in shown.section("Incidents").one("tbody").all("a"):
        assert admin.get(link.attributes["href"]).status_code == 200


@pytest.mark.usefixtures("told")
def test_a_reset_with_a_reason(admin: Client) -> None:
    revision = history.revision()
    form = page(admin).all("form", action="/admin/health/reset/")[0]
    sent = {one.attributes["name"]: one.attributes.get("value", "") for one in form.all("input")}
    assert (sent["kind"], sent["name"]) == ("model", "openai/gpt-4o")
    answer = admin.post("/admin/health/reset/", {**sent, "change_reason": "mended"}, follow=True)
    shown = read(answer.content.decode())
    assert "openai/gpt-4o is called again" in shown.text
    assert [line[0] for line in shown.section("Now").lines()] == ["other/k1 key"]
    assert [line[1:] for line in shown.section("Latest resets by hand").lines()] == [
        ["openai/gpt-4o", "model", "root", "mended"]
    ]
    assert HealthOrder.objects.get().reason == "mended" and history.revision() == revision
    assert Incident.objects.get(name="openai/gpt-4o").closed_by == "operator"


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("sent", [{}, {"kind": "route", "name": "x"}, {"kind": "provider", "name": "none\x00"}])
def test_what_is_not_there_cannot_be_reset(admin: Client, sent: dict[str, str]) -> None:
    answer = admin.post("/admin/health/reset/", sent, follow=True)
    assert "There is no such provider, model or key any more." in answer.content.decode()
    assert not HealthOrder.objects.exists()


@pytest.mark.usefixtures("told")
def test_a_viewer_reads_and_resets_nothing(viewer: Client) -> None:
    shown = page(viewer)
    assert len(shown.section("Now").lines()) == 2 and not shown.all("form", action="/admin/health/reset/")
    answer = viewer.post("/admin/health/reset/", {"kind": "model", "name": "openai/gpt-4o"})
    assert answer.status_code == 403 and HealthState.objects.get(name="openai/gpt-4o").state == "open"


@pytest.mark.usefixtures("told", "viewer")
def test_who_is_limited_sees_their_own(admin: Client) -> None:
    user = services.create_user(username="lim", password=None, groups=["operator"])
    services.create_grant(user=user, provider="openai", may_change=False)
    client = Client()
    client.force_login(user)
    shown = page(client)
    assert [line[0] for line in shown.section("Now").lines()] == ["openai/gpt-4o model"]
    assert "other/k1" not in shown.text and not shown.all("form", action="/admin/health/reset/")
    assert client.post("/admin/health/reset/", {"kind": "provider", "name": "openai"}).status_code == 403


@pytest.mark.usefixtures("told")
def test_the_lists_and_an_incident_with_its_events(admin: Client) -> None:
    for path in ("incident/", "incident/?q=openai", "healthevent/", "healthevent/?new__exact=open"):
        answer = admin.get(f"/admin/audit/{path}")
        assert answer.status_code == 200 and "openai/gpt-4o" in answer.content.decode()
    incident = Incident.objects.get(name="openai")
    whole = admin.get(f"/admin/audit/incident/{incident.pk}/change/").content.decode()
    assert "1 min 30 s" in whole
    for row in HealthEvent.objects.filter(incident=incident):
        assert f"{row.at:%Y-%m-%d %H:%M:%S}" in whole


def test_the_sidebar_leads_there(admin: Client, viewer: Client) -> None:
    for client in (admin, viewer):
        links = [link.attributes.get("href") for link in read(client.get("/admin/").content.decode()).all("a")]
        assert {"/admin/health/", "/admin/audit/incident/", "/admin/audit/healthevent/"} <= set(links)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (3605, "1 h"), (200_000, "2 d 7 h")],
)
def test_how_long_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_strips_stay_within_their_day() -> None:
    now = time.time()
    day = 86_400
    events = [
        event(0, began=now - 3 * day, name="long"),
        event(0, began=now - 1, name="just-now"),
        *(event(0, began=now - 600 - number, name=f"p{number}") for number in range(20)),
    ]
    health_events.insert(events)
    strips = incident_chart.strips(Incident.objects.all(), now=timezone.now())
    assert len(strips) == incident_chart.MOST and strips[0].name == "long"
    assert strips[0].bars == ((0.0, 1440.0),) and strips[0].summary == "1 incident, 1 d in all"
    [last] = incident_chart.strips(Incident.objects.filter(name="just-now"), now=timezone.now())
    assert last.bars == ((1436.0, 4.0),)  # wide enough to be seen
