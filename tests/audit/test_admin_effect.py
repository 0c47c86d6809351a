"""How the calls went before and after a revision: from the rollups, on the revision's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from access import roles, services
from audit import admin_effect, call_store
from audit.models import ChangeSet
from llm.observe import call_id as call_ids
from llm.observe.record import CallRecord
from tests.audit.conftest import As
from tests.support.page import read

pytestmark = pytest.mark.django_db
CHANGED = datetime(2031, 5, 17, 12, 30, 20, tzinfo=UTC)


@pytest.fixture
def change_set() -> ChangeSet:
    return ChangeSet.objects.create(revision=7, actor="ci", origin="rest", created_at=CHANGED)


def some_calls(number: int, *, after: timedelta, failed: int = 0, latency_ms: float = 100, **fields: Any) -> None:
    """Calls that began that long after the change; the first `failed` of them failed."""
    made = [
        CallRecord(
            call_id=call_ids.new(),
            request_id="request",
            created_at=(CHANGED + after).timestamp(),
            latency_ms=latency_ms,
            **{
                "endpoint": "chat/completions",
                "provider": "openai",
                "model": "gpt-4o",
                "revision": 6 if after < timedelta() else 7,
                "status": "failed" if place < failed else "succeeded",
                "http_status": 502 if place < failed else 200,
                **fields,
            },
        )
        for place in range(number)
    ]
    call_store.insert(made)


def the_effect(change_set: ChangeSet, *, later: timedelta = timedelta(hours=3), **options: Any) -> Any:
    return admin_effect.of(change_set, now=CHANGED + later, **options)


def test_by_minute_the_minute_of_the_change_counts_on_neither_side(change_set: ChangeSet) -> None:
    some_calls(10, after=-timedelta(minutes=5))
    some_calls(99, after=timedelta(seconds=5))
    some_calls(4, after=timedelta(minutes=20), failed=1, latency_ms=900)
    some_calls(50, after=-timedelta(minutes=90))
    some_calls(50, after=timedelta(minutes=90))
    effect = the_effect(change_set)
    assert (effect.before.requests, effect.after.requests) == (10, 4)
    assert (admin_effect.error_rate(effect.before), admin_effect.error_rate(effect.after)) == (0, 0.25)
    assert effect.before.p50_ms < 101 < 700 < effect.after.p50_ms
    assert effect.after_ends and not the_effect(change_set, later=timedelta(minutes=30)).after_ends


def test_a_bar_for_each_minute_as_high_as_its_calls(change_set: ChangeSet) -> None:
    some_calls(10, after=-timedelta(minutes=5))
    some_calls(5, after=timedelta(minutes=20), failed=2)
    effect = the_effect(change_set)
    drawn = {bar.x: (bar.height, bar.failed) for bar in effect.bars if bar.height}
    assert (effect.width, effect.middle) == (121, 60)
    assert drawn == {55: (48, 0), 80: (24, 9.6)}
    assert {bar.y + bar.height for bar in effect.bars} == {48}


def test_when_minutes_are_gone_the_revision_tells_what_is_before(change_set: ChangeSet) -> None:
    some_calls(10, after=-timedelta(minutes=5))
    some_calls(3, after=timedelta(minutes=5), failed=3)
    some_calls(1, after=timedelta(minutes=5), revision=6)
    some_calls(50, after=timedelta(hours=5))
    effect = the_effect(change_set, later=timedelta(days=9))
    assert (effect.before.requests, effect.after.requests) == (11, 3)
    assert admin_effect.error_rate(effect.after) == 1
    assert effect.bars == ()


def test_only_the_readers_providers_count(change_set: ChangeSet) -> None:
    some_calls(10, after=-timedelta(minutes=5))
    some_calls(2, after=timedelta(minutes=5), provider="anthropic")
    assert the_effect(change_set, providers={"anthropic"}).after.requests == 2
    assert the_effect(change_set, providers={"anthropic"}).before.requests == 0
    assert the_effect(change_set, providers={"gemini"}) is None


def test_without_calls_there_is_nothing_to_tell(change_set: ChangeSet) -> None:
    assert the_effect(change_set) is None
    assert the_effect(change_set, later=timedelta(days=9)) is None


def test_the_page_shows_it_in_words_and_as_a_drawing(change_set: ChangeSet, browser_of: As) -> None:
    ChangeSet.objects.filter(revision=7).update(created_at=datetime.now(UTC) - timedelta(hours=2))
    change_set.refresh_from_db()
    shift = change_set.created_at - CHANGED
    some_calls(10, after=shift - timedelta(minutes=5))
    some_calls(4, after=shift + timedelta(minutes=5), failed=1)
    page = read(browser_of("viewer").get("/admin/audit/changeset/7/change/").content.decode())
    [section] = page.all("section", id="effect")
    assert section.lines()[:2] == [["Calls", "10", "4"], ["Error rate", "0 %", "25.0 %"]]
    drawing = section.one("svg")
    assert drawing.attributes["aria-label"] == "Calls by minute: 10 before the change, 4 after it"
    assert len(drawing.all("rect")) == 3  # two minutes with calls, one of them with failed ones


def test_who_may_not_see_calls_does_not_see_it(change_set: ChangeSet, browser_of: As, client: Any) -> None:
    some_calls(10, after=-timedelta(minutes=5))
    roles.ensure_groups()
    user = services.create_user(username="auditor", password=None, groups=["viewer"])
    user.groups.get().permissions.remove(*user.groups.get().permissions.filter(codename="view_call"))
    client.force_login(user)
    answer = client.get("/admin/audit/changeset/7/change/")
    assert answer.status_code == 200 and 'id="effect"' not in answer.content.decode()
