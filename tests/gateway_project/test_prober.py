"""Probes of providers on loopback, over real sockets, and the orders that other processes get of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from audit import health_events, history
from audit.models import HealthOrder, Incident
from gateway_project import status
from gateway_project.health_watch import HealthWatch
from gateway_project.prober import Prober
from llm import service
from llm.policies.board import Board
from providers import selectors, services, testing
from providers.models import ApiKey, Provider, ProviderState
from tests.support import upstream_behaviours as behaviours
from tests.support import upstream_faults as faults
from tests.support.eventually import eventually
from tests.support.health import event
from tests.support.installed_gateway import Records, installed
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db
KEY, OTHER = "sk-test-0123456789-abcdefgh", "sk-other-0123456789-abcdefgh"
PROVIDER, MODEL = ("provider", "p"), ("model", "p/gpt-4o")


class Clock:
    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Process:
    """One that serves calls, as far as health goes."""

    def __init__(self) -> None:
        self.board = Board()
        self._watch = HealthWatch(self.board)
        self.bad()

    def bad(self) -> dict[tuple[str, str], str]:
        """What is not closed there, and why, after it has looked for orders."""
        self._watch.revision()
        self._watch.follow()
        return {(one.kind, one.name): one.category for one in self.board.states() if one.state != "closed"}


@pytest.fixture
def accepted() -> set[str]:
    """The keys that the provider accepts."""
    return {KEY}


@pytest.fixture
def upstream(accepted: set[str]) -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys=accepted) as server:
        yield server


@pytest.fixture
def records() -> Iterator[Records]:
    with installed() as kept:
        yield kept


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prober(records: Records, clock: Clock) -> Prober:
    made = Prober(service.current(), now=clock)
    clock.on(60)  # those that were never probed are due by now
    return made


def make(upstream: ThreadedUpstream, provider_id: str = "p", **fields: Any) -> Provider:
    given: dict[str, Any] = {
        "connection_params": {"api_base": f"{upstream.url}/v1"},
        "models": [{"model_id": "gpt-4o"}],
        "api_key": {"key_value": KEY},
        "request_settings": {"probe_interval_seconds": 60},
    }
    return services.create_provider(provider_id=provider_id, provider_type="openai", **{**given, **fields})


def open_now(clock: Clock, *subjects: tuple[str, str], seconds: float = 600, **fields: Any) -> None:
    now = clock.now.timestamp()
    for kind, name in subjects:
        given = {"category": "server", "until": now + seconds, **fields}
        health_events.insert([event(0, began=now, kind=kind, name=name, **given)])


@pytest.mark.parametrize(
    "fields",
    [{"request_settings": {}}, {"request_settings": {"probe_interval_seconds": 0}}, {"enabled": False}],
    ids=["by default", "zero", "disabled"],
)
def test_it_is_off(upstream: ThreadedUpstream, prober: Prober, clock: Clock, fields: dict[str, Any]) -> None:
    make(upstream, **fields)
    open_now(clock, ("key", f"p/{ApiKey.objects.get().key_id}"), category="auth", seconds=0)
    clock.on(1e6)
    assert prober.look() == 0
    assert not upstream.requests


def test_on_schedule_the_way_of_a_live_call(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock, records: Records, admin_client: Client
) -> None:
    make(upstream)
    before = history.revision()
    looks = []
    for seconds in (0, 0, 59, 8, 50):
        clock.on(seconds)
        looks.append(prober.look())
    assert looks == [1, 0, 0, 1, 0] and len(upstream.requests) == 2
    record = records.all[0]
    assert (record.status, record.project, record.tags) == ("succeeded", "", {"door": "probe"})
    assert history.revision() == before
    [told] = status.of_providers(selectors.providers(), now=clock.now)
    probe = told["last_probe"]
    assert (probe["success"], probe["model_tested"], probe["failed_in_a_row"]) == (True, "gpt-4o", 0)
    assert probe["probed_at"] == (clock.now - timedelta(seconds=50)).isoformat()
    assert told["last_test"] is None
    assert "probe: " in admin_client.get("/admin/providers/provider/").content.decode()
    page = admin_client.get(f"/admin/providers/provider/test/?id={Provider.objects.get().pk}").content.decode()
    assert "Last probes" in page and "not tested yet" in page


def test_success_closes_what_is_open_in_another_process(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock
) -> None:
    provider = make(upstream, models=[{"model_id": "gpt-4o"}, {"model_id": "gpt-4.1", "enabled": False}])
    open_now(clock, PROVIDER, MODEL, ("model", "p/gpt-4.1"), ("provider", "other"))
    process = Process()
    assert len(process.bad()) == 4
    assert prober.look() == 1
    assert process.bad().keys() == {("model", "p/gpt-4.1"), ("provider", "other")}
    closed = Incident.objects.exclude(closed_at=None).values_list("name", "closed_by")
    assert set(closed) == {("p", "probe"), ("p/gpt-4o", "probe")}
    clock.on(70)
    assert (prober.look(), HealthOrder.objects.count()) == (1, 2)  # nothing more to say
    assert ProviderState.objects.get(provider=provider).probes_failed == 0


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (faults.server_error(), {MODEL: "server"}),
        (faults.invalid_json(), {MODEL: "malformed"}),
        (faults.close_without_answer(), {PROVIDER: "connection"}),
        (faults.refuse(400, "no"), {}),
        (faults.rate_limited(), {}),
    ],
    ids=["server", "malformed", "connection", "rejected", "limited"],
)
def test_two_failures_in_a_row_open(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock, fault: Any, found: dict[tuple[str, str], str]
) -> None:
    make(upstream)
    process, seen = Process(), []
    for behaviour in (fault, None, fault, fault):
        upstream.default = behaviour
        assert prober.look() == 1
        seen.append(process.bad())
        clock.on(70)
    assert seen == [{}, {}, {}, found]
    if found:
        assert {order.cause for order in HealthOrder.objects.all()} == {"probe"}
        upstream.default = None
        assert prober.look() == 1
        assert process.bad() == {}


def test_an_order_is_given_though_one_process_told_before_that_it_works(
    upstream: ThreadedUpstream, records: Records, clock: Clock
) -> None:
    make(upstream)
    open_now(clock, MODEL)
    closed = event(1, began=clock.now.timestamp(), kind="model", name="p/gpt-4o", old="half_open", new="closed")

    def now() -> datetime:
        if upstream.requests:  # it is the probe's own success that the process saw
            health_events.insert([closed])
        return clock.now

    prober, process = Prober(service.current(), now=now), Process()
    clock.on(60)
    assert (prober.look(), process.bad()) == (1, {})
    assert [order.action for order in HealthOrder.objects.all()] == ["close"]


def test_a_provider_that_does_not_answer(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "SECONDS", 0.2)
    make(upstream)
    process = Process()
    upstream.default = behaviours.held(behaviours.text("late"))
    assert (prober.look(), process.bad()) == (1, {})
    clock.on(70)
    assert (prober.look(), process.bad()) == (1, {MODEL: "timeout"})
    upstream.release()


def test_where_nobody_can_ask_nothing_is_said(upstream: ThreadedUpstream, prober: Prober, clock: Clock) -> None:
    make(upstream, models=[{"model_id": "dall-e-3", "model_type": "image"}])
    make(upstream, "keyless", api_key=None)
    for _ in range(3):
        assert prober.look() == 2
        clock.on(70)
    assert not upstream.requests and not HealthOrder.objects.exists()
    states = {
        one.provider.provider_id: (one.probes_failed, one.last_probe["error"]) for one in ProviderState.objects.all()
    }
    assert states["p"] == (0, "There is no model to test with: add one that chats, or name a model.")
    assert states["keyless"] == (0, "No usable key is stored for the provider of this model.")


def test_a_refused_key_is_found_again(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock, accepted: set[str], records: Records
) -> None:
    provider = make(upstream)
    paid = services.create_key(provider=provider, name="unpaid", key_value=OTHER, weight=9)
    name = ("key", f"p/{paid.key_id}")
    open_now(clock, name, category="auth", seconds=100)
    process = Process()
    assert (prober.look(), process.bad()) == (1, {name: "auth"})  # with the other key: it works
    clock.on(30)
    assert prober.look() == 0
    clock.on(70)
    assert prober.look() == 2  # its time is over
    assert process.bad() == {name: "auth"}
    assert [(order.action, order.name, order.category) for order in HealthOrder.objects.all()] == [
        ("open", name[1], "auth")
    ]
    accepted.add(OTHER)
    clock.on(20)
    assert prober.look() == 0
    clock.on(50)
    assert prober.look() == 2
    assert process.bad() == {}
    assert [record.provider_key == paid.key_id for record in records.all].count(True) == 2
    assert ProviderState.objects.get().last_probe["key_id"] != paid.key_id


def test_where_all_keys_are_refused_only_they_are_probed(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock, accepted: set[str]
) -> None:
    make(upstream)
    accepted.clear()
    name = ("key", f"p/{ApiKey.objects.get().key_id}")
    process = Process()
    seen = []
    for _ in range(3):
        seen.append((prober.look(), process.bad()))
        clock.on(70)
    assert seen == [(1, {}), (1, {name: "auth"}), (1, {name: "auth"})]
    accepted.add(KEY)
    assert (prober.look(), process.bad()) == (1, {})
    assert ProviderState.objects.get().last_probe["success"]


def test_what_answers_probes_and_not_calls_is_left_its_time(
    upstream: ThreadedUpstream, prober: Prober, clock: Clock
) -> None:
    make(upstream)
    open_now(clock, MODEL)
    process = Process()
    assert (prober.look(), process.bad()) == (1, {})
    clock.on(67)
    open_now(clock, MODEL, seconds=40)
    process.board.opened(*MODEL, "server", "calls")
    assert (prober.look(), process.bad()) == (1, {MODEL: "server"})
    clock.on(70)
    assert (prober.look(), process.bad()) == (1, {})


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_two_control_processes_probe_nothing_twice(upstream: ThreadedUpstream, records: Records, clock: Clock) -> None:
    for number in range(4):
        key = services.create_key(provider=make(upstream, f"p{number}"), name="refused", key_value=OTHER)
        open_now(clock, ("key", f"p{number}/{key.key_id}"), category="auth", seconds=0)
    probers = [Prober(service.current(), now=clock) for _ in range(3)]
    clock.on(60)
    for _ in range(3):
        together = threading.Barrier(len(probers))

        def look(prober: Prober, together: threading.Barrier = together) -> int:
            together.wait(10)
            return prober.look()

        upstream.requests.clear()
        with ThreadPoolExecutor(len(probers)) as pool:
            made = list(pool.map(lambda prober: in_thread(lambda: look(prober)), probers))
        assert sum(made) == len(upstream.requests) == 8, made
        clock.on(700)


@pytest.mark.django_db(transaction=True)
def test_it_stops_with_what_is_under_way(upstream: ThreadedUpstream, prober: Prober, records: Records) -> None:
    make(upstream)
    upstream.default = behaviours.held(behaviours.text("late"))
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(in_thread, prober.look)
        eventually(lambda: upstream.requests)
        prober.stop()
        assert looking.result(5) == 0
    assert [record.status for record in records.all] == ["failed"]
    assert ProviderState.objects.get().last_probe is None
    upstream.release()
