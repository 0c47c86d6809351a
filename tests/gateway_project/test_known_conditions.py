"""What the database knows of health is told in the words, and with the effect, that the data plane has for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from audit import calls, rollups
from gateway_project.known_conditions import KnownConditions
from llm.observe.health_event import Category, State, SubjectKind
from llm.policies.board import Board
from llm.policies.plan import Candidate
from llm.policies.subject import ANY, Change, Subject
from llm.snapshot import Model, Upstream, UpstreamKey
from tests.support.made_calls import call

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW = MOMENT.timestamp()
KEY = UpstreamKey("key-1", "sk-1", fingerprint="f")
CANDIDATE = Candidate(Upstream("p", "echo", "http://p", (KEY,)), Model("p", "m"), "m", KEY)


@dataclass
class Row:
    kind: SubjectKind
    name: str
    state: State
    category: Category = "server"
    until: datetime | None = None


def row(kind: SubjectKind, state: State, seconds: float | None = 20, category: Category = "server") -> Row:
    name = {"provider": "p", "model": "p/m", "key": "p/key-1"}[kind]
    return Row(kind, name, state, category, None if seconds is None else MOMENT + timedelta(seconds=seconds))


def board(rows: list[Row]) -> Board:
    """A process that heard the same from another one."""
    made = Board(now=lambda: NOW, random=lambda: 0.0)
    for one in rows:
        until = one.until.timestamp() if one.until else 0.0
        subject = Subject(one.kind, one.name, ANY if one.kind == "key" else "")
        made.adopt(Change(subject, "closed", one.state, at=NOW, until=until, category=one.category, failures=5))
    return made


CASES: list[list[Row]] = [
    [],
    [row("provider", "open", category="connection")],
    [row("model", "open")],
    [row("key", "open", category="auth")],
    [row("key", "open", category="rate_limit")],
    [row("key", "cooling", category="rate_limit")],
    [row("model", "half_open")],
    [row("model", "half_open", -1)],
    [row("provider", "open", -1)],
    [row("key", "cooling", -1, "rate_limit")],
    [row("provider", "open", 10), row("key", "open", 30, "auth")],
    [row("provider", "open", 30), row("model", "open", 10)],
    [row("provider", "open", 10), row("key", "cooling", 30, "rate_limit")],
    [row("model", "cooling", 10, "rate_limit"), row("key", "cooling", 30, "rate_limit")],
    [Row("provider", "other", "open", "server", MOMENT + timedelta(seconds=9))],
]


@pytest.mark.parametrize("rows", CASES, ids=range(len(CASES)))
def test_it_says_what_a_process_says_that_serves_calls(rows: list[Row]) -> None:
    known, serving = KnownConditions(rows, moment=MOMENT), board(rows)
    assert known.troubled == serving.troubled
    assert known.bar(CANDIDATE, NOW) == serving.bar(CANDIDATE, NOW)


def test_what_is_closed_or_of_no_known_end() -> None:
    assert not KnownConditions([row("provider", "closed")], moment=MOMENT).troubled
    ordered = KnownConditions([row("provider", "open", None)], moment=MOMENT).bar(CANDIDATE, NOW)
    assert ordered is not None and (ordered.until, ordered.waits) == (0.0, False)
    assert KnownConditions([row("provider", "half_open", None)], moment=MOMENT).bar(CANDIDATE, NOW) is None


def test_nobody_knows_here_what_is_under_way() -> None:
    known = KnownConditions([], moment=MOMENT)
    assert (known.busy(CANDIDATE), known.turn("fast"), known.turn("fast")) == (0, 0, 0)


@pytest.mark.django_db
def test_the_first_token_is_that_of_the_last_hour() -> None:
    known = KnownConditions([], moment=datetime.now(UTC))
    assert KnownConditions([], moment=datetime.now(UTC)).first_token(CANDIDATE) is None
    rollups.add(
        calls.values(call(timedelta(minutes=age), provider=provider, model="m", time_to_first_token_ms=ms))
        for age, provider, ms in ((5, "p", 180.0), (50, "p", 190.0), (90, "p", 9000.0), (5, "q", 9000.0))
    )
    assert known.first_token(CANDIDATE) == pytest.approx(0.175, abs=0.025)
