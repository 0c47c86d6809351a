"""The decision trace of a call: into its row and out of it, and how it is drawn on its page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from access import services
from audit import admin_trace, call_store, call_trace, calls
from audit.models import Call
from llm.observe.trace import TraceStep
from providers import services as providers
from tests.audit.conftest import As
from tests.support import made_calls
from tests.support.records import record

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
FIELDS = list(TraceStep.__struct_fields__)


def stored(*steps: TraceStep, **fields: Any) -> Call:
    made = record(NOW, trace=list(steps), **fields)
    assert call_store.insert([made]) == 1
    return Call.objects.get(pk=made.call_id)


def drawn(*steps: TraceStep, latency_ms: float = 100.0) -> admin_trace.Picture:
    shown = call_trace.shown(calls.row(record(NOW, trace=list(steps))).trace, seen=None)
    picture = admin_trace.of(shown, latency_ms=latency_ms)
    assert picture is not None
    return picture


@pytest.mark.django_db
def test_a_step_is_stored_without_what_it_says_nothing_of() -> None:
    found = stored(*made_calls.plain_trace()).trace
    assert found == [
        {"event": "plan", "reason": "priority", "candidates": ["openai/gpt-4o"]},
        {
            "event": "attempt",
            "at_ms": 0.3,
            "duration_ms": 99.5,
            "model": "openai/gpt-4o",
            "key": "main",
            "role": "target",
            "outcome": "succeeded",
        },
    ]


@pytest.mark.django_db
def test_by_hand_and_by_the_model_it_is_the_same() -> None:
    by_hand = stored(*made_calls.failover_trace())
    Call.objects.all().delete()
    calls.row(record(NOW, trace=made_calls.failover_trace())).save(force_insert=True)
    assert Call.objects.get().trace == by_hand.trace


@pytest.mark.django_db
def test_a_call_without_one_has_an_empty_list() -> None:
    assert stored().trace == []


@pytest.mark.django_db
def test_a_row_that_an_older_ingester_stores_has_an_empty_list() -> None:
    """It knows nothing of the column, and must not fail for it."""
    stored(*made_calls.plain_trace())
    older = ", ".join(f'"{column}"' for column in calls.COLUMNS if column not in ("trace", "call_id"))
    with connection.cursor() as cursor:
        new = record(NOW).call_id
        cursor.execute(
            f"INSERT INTO audit_call (call_id, {older}) SELECT %s, {older} FROM audit_call",
            [new if connection.vendor == "postgresql" else new.replace("-", "")],
        )
    assert Call.objects.get(pk=new).trace == []


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["a\x00b", "\x00", "\\u0000", "\\\x00", '"', "\U0001f600\u2028"], ids=repr)
def test_any_name_that_a_caller_makes_up_is_stored(text: str) -> None:
    clean = text.replace("\x00", "")
    (found,) = stored(TraceStep(event="plan", model=text, candidates=(text, "openai/x"))).trace
    assert (found.get("model", ""), found["candidates"]) == (clean, [clean, "openai/x"])


@pytest.mark.django_db
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_known(number: float) -> None:
    found = stored(TraceStep(event="attempt", at_ms=number, duration_ms=number, retry_after_seconds=number))
    (shown,) = call_trace.shown(found.trace, seen=None)
    assert (shown["at_ms"], shown["duration_ms"], shown["retry_after_seconds"]) == (0.0, None, None)


@pytest.mark.django_db
def test_too_many_steps_are_not_stored() -> None:
    steps = [TraceStep(event="skipped", model=f"p/{number}") for number in range(1000)]
    found = stored(*steps).trace
    assert (len(found), found[0]["model"], found[-1]["model"]) == (100, "p/0", "p/999")


def test_a_shown_step_has_every_field() -> None:
    (shown,) = call_trace.shown([{"event": "wait", "of_a_later_version": 1, "key": None}], seen=None)
    assert list(shown) == FIELDS
    assert (shown["event"], shown["at_ms"], shown["duration_ms"], shown["key"], shown["candidates"]) == (
        "wait", 0.0, None, "", (),
    )  # fmt: skip


def test_no_model_of_another_provider_is_named() -> None:
    steps = calls.row(record(NOW, trace=made_calls.failover_trace())).trace
    shown = call_trace.shown(steps, seen={"anthropic"})
    assert [step["event"] for step in shown] == ["plan", "attempt", "wait", "attempt", "attempt"]
    assert shown[0]["candidates"] == ["anthropic/claude-sonnet-4-5"]
    assert [step["model"] for step in shown] == ["", "", "", "", "anthropic/claude-sonnet-4-5"]
    assert (shown[1]["outcome"], shown[1]["duration_ms"], shown[1]["key"], shown[1]["error"]) == (
        "timeout", 5000.0, "", "",
    )  # fmt: skip
    assert not [step for step in shown if "openai" in repr(step) or "mistral" in repr(step)]


def test_bars_stand_on_the_time_of_the_call() -> None:
    picture = drawn(*made_calls.failover_trace(), latency_ms=10_000.0)
    assert [(bar.number, bar.look) for bar in picture.bars] == [
        (1, "failed"), (0, "wait"), (2, "failed"), (3, "succeeded"),
    ]  # fmt: skip
    last = picture.bars[-1]
    assert (last.x, last.width, last.first_token_x) == ("52.50%", "20.00%", "56.50%")
    assert picture.looks == ("failed", "wait", "succeeded")
    assert picture.summary == (
        "openai/gpt-4o timeout; openai/gpt-4o rate limited; anthropic/claude-sonnet-4-5 succeeded"
    )
    assert [(line.name, line.told) for line in picture.lines] == [
        ("plan", "strategy: weighted"),
        ("skipped", "breaker open: mistral/mistral-large-latest"),
        ("attempt 1", "timeout: upstream timeout (first token)"),
        ("wait", "backoff"),
        ("attempt 2", "rate limited: upstream rate limited"),
        ("attempt 3", "succeeded"),
    ]
    assert picture.lines[-1].cost == "0.0087 USD"


def test_a_hedge_stands_below_what_it_hedges_though_it_ended_first() -> None:
    hedge = made_calls.served("openai/b", at_ms=40.0, duration_ms=20.0, role="hedge")
    slow = made_calls.failed("openai/a", at_ms=0.0, duration_ms=61.0, outcome="cancelled")
    assert [(bar.number, bar.look) for bar in drawn(hedge, slow).bars] == [(1, "cancelled"), (2, "succeeded")]


@pytest.mark.parametrize(
    ("latency", "expected"),
    [
        (100.0, [20, 40, 60, 80]),
        (7250.0, [2000, 4000, 6000]),
        (1.2, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, [0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_the_axis_has_a_few_round_times(latency: float, expected: list[float]) -> None:
    picture = drawn(TraceStep(event="attempt", outcome="failed"), latency_ms=latency)
    assert [tick.ms for tick in picture.ticks] == pytest.approx(expected)


@given(
    latency=st.floats(0, 1e9),
    spans=st.lists(
        st.tuples(st.floats(0, 1e7), st.none() | st.floats(0, 1e7), st.none() | st.floats(0, 1e7)), max_size=9
    ),
)
def test_whatever_the_times_the_drawing_holds_them(latency: float, spans: list[Any]) -> None:
    steps = [
        made_calls.served("p/" + "m" * 300, at_ms=at, duration_ms=took, first_token_ms=first)
        for at, took, first in spans
    ]
    picture = drawn(TraceStep(event="plan"), *steps, latency_ms=latency)
    assert len(picture.bars) == len(spans) and len(picture.ticks) <= admin_trace.MOST_TICKS
    for bar in picture.bars:
        x, width = (float(value.rstrip("%")) for value in (bar.x, bar.width))
        assert x >= 0 and width > 0 and x + width <= 100.01
        assert len(bar.label) < 70
        assert bar.first_token_x == "" or 0 <= float(bar.first_token_x.rstrip("%")) <= 100


@pytest.mark.parametrize(
    ("nano", "expected"),
    [(None, ""), (0, "0 USD"), (1, "0.000000001 USD"), (1_234_000, "0.001234 USD"), (10**10, "10 USD")],
)
def test_a_cost_is_written_exactly(nano: int | None, expected: str) -> None:
    assert admin_trace.usd(nano) == expected


def page(browser: Client, call: Call) -> str:
    answer = browser.get(f"/admin/audit/call/{call.call_id}/change/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_of_a_call_tells_what_was_decided(browser_of: As) -> None:
    call = stored(*made_calls.failover_trace(), latency_ms=7250.0, provider="anthropic")
    found = page(browser_of("viewer"), call)
    for text in (
        'class="gw-failed"', 'class="gw-wait"', 'class="gw-succeeded"', 'class="gw-first"',
        "1. openai/gpt-4o, timeout, 5,000 ms", "waits: backoff, 180 ms", "first token after 400 ms",
        "3. anthropic/claude-sonnet-4-5, succeeded, 2,000 ms", "mistral/mistral-large-latest", "1,200 / 340",
        "0.0087 USD", "to be asked again after 20 s", "<li>openai/gpt-4o</li>",
    ):  # fmt: skip
        assert text in found, text


def test_the_page_of_a_call_without_a_trace_says_so(browser_of: As) -> None:
    found = page(browser_of("viewer"), stored())
    assert "No decisions of this call were kept." in found and "gw-trace" not in found


def test_a_call_that_asked_nobody_has_a_table_and_no_drawing(browser_of: As) -> None:
    steps = (TraceStep(event="plan", reason="priority"), TraceStep(event="skipped", model="openai/x", reason="open"))
    found = page(browser_of("viewer"), stored(*steps))
    assert "openai/x" in found and "gw-trace" not in found


def test_what_a_caller_made_up_is_text_on_the_page(browser_of: As) -> None:
    found = page(browser_of("viewer"), stored(made_calls.served("openai/<script>alert(1)</script>", reason="<b>")))
    assert "&lt;script&gt;alert(1)" in found and "<script>alert(1)" not in found


def test_a_limited_user_is_told_without_the_others(browser_of: As) -> None:
    call = stored(*made_calls.failover_trace(), provider="anthropic")
    browser = browser_of("viewer")
    user = get_user_model().objects.get(username="viewer-person")
    providers.create_provider(provider_id="anthropic", provider_type="anthropic", display_name="Anthropic")
    services.create_grant(user=user, provider="anthropic")
    client = APIClient()
    client.force_authenticate(user)
    answers = (
        page(browser, call).partition('id="trace"')[2].partition("</section>")[0],
        client.get(f"/calls/{call.call_id}").content.decode().partition('"trace"')[2],
        client.get("/calls").content.decode().partition('"trace"')[2],
    )
    assert "another provider" in answers[0]
    for answer in answers:
        assert "anthropic/claude-sonnet-4-5" in answer and "openai" not in answer and "mistral" not in answer
