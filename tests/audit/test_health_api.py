"""/health-events, /incidents, /breakers and its reset: what they tell, to whom, and what a reset does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from access import roles
from access import services as access
from audit import health_events, history
from audit.models import HealthEvent, HealthOrder, HealthState, Incident
from providers import services as providers
from tests.audit.asking import Role
from tests.support.health import BEGAN, event

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(db: None) -> Iterator[None]:
    """openai was open for 10 s; a model of it is half-open after being open; a key of another cools down."""
    now = time.time()
    health_events.insert(
        [
            event(0, category="connection"),
            event(10, old="open", new="closed", cause="probe"),
            event(20, kind="model", name="openai/gpt-4o", category="server", until=BEGAN + 25),
            event(25, kind="model", name="openai/gpt-4o", category="server", old="open", new="half_open"),
            event(0, began=now, kind="key", name="other/k1", new="cooling", category="rate_limit", until=now + 60),
        ]
    )
    yield


def asked(api: APIClient, path: str) -> Any:
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def names(api: APIClient, path: str) -> list[str]:
    return [one["name"] for one in asked(api, path)["results"]]


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(BEGAN + seconds, tz=UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.usefixtures("told")
def test_events_newest_first_and_by_every_filter(api: APIClient) -> None:
    found = asked(api, "/health-events")
    times = [one["at"] for one in found["results"]]
    assert found["count"] == 5 and times == sorted(times, reverse=True)
    [closed] = asked(api, f"/health-events?kind=provider&name=openai&state=closed&cause=probe&since={moment(10)}")[
        "results"
    ]
    incident = Incident.objects.get(name="openai")
    assert closed == {
        "event_id": str(HealthEvent.objects.get(new="closed").pk),
        "at": moment(10),
        "kind": "provider",
        "name": "openai",
        "old": "open",
        "new": "closed",
        "category": "",
        "cause": "probe",
        "until": None,
        "failures": 5,
        "incident": incident.pk,
    }
    assert names(api, f"/health-events?until={moment(10)}&ordering=at") == ["other/k1", "openai"]
    assert names(api, "/health-events?provider=other") == ["other/k1"]
    for wrong in ("nonsense=1", "state=nonsense", "since=nonsense", "ordering=name"):
        assert api.get(f"/health-events?{wrong}").status_code == 400


@pytest.mark.usefixtures("told")
def test_incidents_and_one_with_its_events(api: APIClient) -> None:
    first, second = asked(api, "/incidents")["results"]
    assert (first["name"], first["open"], first["closed_at"], first["closed_by"]) == ("openai/gpt-4o", True, None, "")
    assert (second["name"], second["open"], second["category"], second["seconds"]) == (
        "openai",
        False,
        "connection",
        10.0,
    )
    assert (second["opened_at"], second["closed_at"], second["closed_by"]) == (moment(0), moment(10), "probe")
    assert names(api, "/incidents?open=true") == ["openai/gpt-4o"]
    assert names(api, "/incidents?open=false") == ["openai"]
    assert names(api, f"/incidents?since={moment(15)}") == ["openai/gpt-4o"]  # it is open still
    assert names(api, f"/incidents?until={moment(15)}&kind=provider") == ["openai"]
    whole = asked(api, f"/incidents/{second['id']}/")
    assert {name: whole[name] for name in second} == second
    assert [(one["new"], one["incident"]) for one in whole["told"]] == [
        ("closed", second["id"]),
        ("open", second["id"]),
    ]
    assert api.get("/incidents/99999999999999999999").status_code == 404
    assert api.get("/incidents?open=perhaps").status_code == 400


@pytest.mark.usefixtures("told")
def test_breakers_are_those_that_are_not_closed(api: APIClient) -> None:
    key, model = asked(api, "/breakers?ordering=-name")["results"]
    assert (key["kind"], key["name"], key["state"], key["category"]) == ("key", "other/k1", "cooling", "rate_limit")
    assert (model["state"], model["since"], model["until"], model["cause"]) == ("half_open", moment(25), None, "calls")
    assert names(api, "/breakers?state=half_open") == ["openai/gpt-4o"]
    assert names(api, "/breakers?kind=key&provider=openai") == []


@pytest.mark.usefixtures("told", "configured")
def test_a_reset_closes_and_orders_and_makes_no_revision(api: APIClient) -> None:
    revision = history.revision()
    body = {"kind": "model", "name": "openai/gpt-4o", "reason": "the provider says it is mended"}
    answer = api.post("/breakers/reset", body)
    order = HealthOrder.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {"kind": "model", "name": "openai/gpt-4o", "state": "closed", "order": order.pk}
    assert (order.action, order.cause, order.given_by, order.reason) == ("close", "operator", "root", body["reason"])
    assert names(api, "/breakers") == ["other/k1"] and names(api, "/incidents?open=true") == []
    assert Incident.objects.get(name="openai/gpt-4o").closed_by == "operator"
    assert history.revision() == revision


@pytest.mark.usefixtures("configured", "told")
def test_what_may_be_reset(api: APIClient) -> None:
    [key] = asked(api, "/providers/openai/api-keys")["results"]
    for kind, name in (
        ("provider", "openai"),  # it is well: a process may know more than the table
        ("model", "openai/o1"),
        ("key", f"openai/{key['key_id']}"),
        ("key", "other/k1"),  # not configured any more, but known
    ):
        assert api.post("/breakers/reset/", {"kind": kind, "name": name}).status_code == 200, name
    for kind, name in (
        ("provider", "none"),
        ("provider", "openai/o1"),
        ("model", "openai/none"),
        ("key", "openai/none"),
    ):
        assert api.post("/breakers/reset", {"kind": kind, "name": name}).status_code == 404, name
    for wrong in (
        {"kind": "route", "name": "fast"},
        {"kind": "provider"},
        {"kind": "provider", "name": "openai", "x": 1},
    ):
        assert api.post("/breakers/reset", wrong).status_code == 400, wrong
    assert HealthOrder.objects.count() == 4


def test_every_model_of_a_provider_that_serves_all(api: APIClient) -> None:
    providers.create_provider(provider_id="any", provider_type="echo", models=[{"model_id": "*"}])
    assert api.post("/breakers/reset", {"kind": "model", "name": "any/thing"}).status_code == 200


@pytest.mark.usefixtures("told", "configured")
def test_who_reads_and_who_resets(role: Role) -> None:
    body = {"kind": "provider", "name": "openai"}
    for name, reads, resets in (("", 403, 403), ("viewer", 200, 403), ("operator", 200, 200), ("admin", 200, 200)):
        client = role(name)
        for path in ("/health-events", "/incidents", "/breakers"):
            assert client.get(path).status_code == reads, (name, path)
        assert client.post("/breakers/reset", body).status_code == resets, name


@pytest.fixture
def limited(db: None) -> Callable[[bool], APIClient]:
    """An operator who is limited to openai."""
    roles.ensure_groups()

    def client(may_change: bool) -> APIClient:
        user = access.create_user(username=f"lim-{may_change}", password=None, groups=["operator"])
        access.create_grant(user=user, provider="openai", may_change=may_change)
        asking = APIClient()
        asking.default_format = "json"
        asking.force_authenticate(user)
        return asking

    return client


@pytest.mark.usefixtures("told", "configured")
def test_of_providers_that_a_user_may_not_see_nothing_is_told(limited: Callable[[bool], APIClient]) -> None:
    health_events.insert([event(30, name="other")])
    hidden = Incident.objects.get(name="other")
    client = limited(True)
    assert set(names(client, "/health-events")) == {"openai", "openai/gpt-4o"}
    assert set(names(client, "/incidents")) == {"openai", "openai/gpt-4o"}
    assert names(client, "/breakers") == ["openai/gpt-4o"]
    assert client.get(f"/incidents/{hidden.pk}").status_code == 404
    assert client.post("/breakers/reset", {"kind": "key", "name": "other/k1"}).status_code == 404
    assert client.post("/breakers/reset", {"kind": "model", "name": "openai/gpt-4o"}).status_code == 200
    assert limited(False).post("/breakers/reset", {"kind": "provider", "name": "openai"}).status_code == 403
    assert HealthState.objects.get(name="other").state == "open"
