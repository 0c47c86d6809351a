"""When a probe is due, and the setting that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from providers import probing
from providers.models import Provider

BEGAN = datetime(2031, 5, 17, 12, tzinfo=UTC)
LONG_AGO = BEGAN - timedelta(days=1)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGAN + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("interval", "last", "until", "now", "due"),
    [
        (0, None, None, 1e6, False),  # off
        (60, 0, None, 59.9, False),
        (60, 0, None, 66, True),  # at most a tenth later
        (86_400, 0, None, 86_399, False),
        (86_400, 0, None, 95_040, True),
        (60, None, None, 0, True),  # never yet, and the prober began long ago
        (60, 0, 500, 499, False),  # a key that is not to be asked before
        (60, 0, 500, 500, True),
        (60, 450, 500, 500, False),
        (60, None, 500, 500, True),
        (60, 0, -10, 10, False),
        (60, 30, None, 0, False),  # the other machine's clock is a little ahead
        (60, 3600, None, 0, True),  # and was far ahead
    ],
)
def test_what_is_due(interval: int, last: float | None, until: float | None, now: float, due: bool) -> None:
    given: dict[str, Any] = {"interval": interval, "last": at(last), "until": at(until), "now": at(now)}
    assert probing.is_due("p", since=LONG_AGO, **given) is due


def first_second(name: str, last: datetime | None, *, since: datetime) -> float:
    """Seconds after BEGAN at which it becomes due, to a tenth, with an interval of 100."""
    tenths = (
        tenth / 10
        for tenth in range(2000)
        if probing.is_due(name, interval=100, last=last, since=since, now=BEGAN + timedelta(seconds=tenth / 10))
    )
    return next(tenths)


@pytest.mark.parametrize(("last", "since", "earliest", "latest"), [(None, BEGAN, 0, 30), (BEGAN, LONG_AGO, 100, 110)])
def test_they_do_not_come_all_at_once(last: datetime | None, since: datetime, earliest: int, latest: int) -> None:
    found = [first_second(f"provider-{number}", last, since=since) for number in range(50)]
    assert earliest <= min(found) and max(found) <= latest + 0.1
    assert len({round(second, 1) for second in found}) > 25
    assert max(found) - min(found) > 0.7 * (latest - earliest)


@pytest.mark.parametrize(
    ("settings", "interval"),
    [
        ({}, 0),
        ({"probe_interval_seconds": 0}, 0),
        ({"probe_interval_seconds": 10}, 10),
        ({"probe_interval_seconds": "300"}, 300),
        ({"probe_interval_seconds": "often"}, 0),  # past the services
        ({"probe_interval_seconds": 1}, 0),
    ],
)
def test_the_interval(settings: dict[str, Any], interval: int) -> None:
    assert probing.interval_of(settings) == interval


def test_the_setting_is_kept_shown_and_exported(api: APIClient, openai: dict[str, Any]) -> None:
    path, settings = "/providers/openai", {"probe_interval_seconds": 60, "timeout_seconds": 20}
    assert api.patch(path, {"request_settings": settings}).status_code == 200
    assert api.get(path).json()["request_settings"] == settings
    assert "probe_interval_seconds: 60" in api.get("/config/export").content.decode()
    [told] = api.get("/status").json()["providers"]
    assert (told["probe_interval_seconds"], told["last_probe"]) == (60, None)


@pytest.mark.parametrize("value", [9, 86_401, -1, 10.5, True, "soon", None, [60]])
def test_another_value_is_refused(api: APIClient, openai: dict[str, Any], value: Any) -> None:
    answer = api.patch("/providers/openai", {"request_settings": {"probe_interval_seconds": value}})
    assert (answer.status_code, list(answer.json())) == (400, ["request_settings"])
    assert "probe_interval_seconds: It must be a" in answer.json()["request_settings"][0]
    assert Provider.objects.get().request_settings == {}


def test_it_is_no_connection_parameter(api: APIClient, openai: dict[str, Any]) -> None:
    body = {"param_name": "probe_interval_seconds", "param_value": 60}
    answer = api.post("/providers/openai/connection-params", body)
    assert (answer.status_code, list(answer.json())) == (400, ["param_name"])
