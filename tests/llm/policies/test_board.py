"""What one process knows of health: told by its calls, and by others."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from llm.dialects.rejection import upstream_error
from llm.errors import (
    CallCancelled,
    CredentialsExhausted,
    GatewayError,
    InvalidRequest,
    NoHealthyUpstream,
    UpstreamContentFiltered,
    UpstreamMalformed,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm.observe import metrics, tally
from llm.observe.health_event import Cause, HealthEvent
from llm.policies.board import Board
from tests.llm.policies.boards import FAILED, REFUSED, UNREACHABLE, Watched, candidate, limited

A = candidate()
OTHER_KEY = candidate(key="K2")
OTHER_MODEL = candidate("a/n")
OTHER_PROVIDER = candidate("b/m")


def late(phase: str) -> UpstreamTimeout:
    return UpstreamTimeout("Too late.", phase=phase)


MALFORMED = UpstreamMalformed("Garbage.")
BLAMED: list[tuple[GatewayError, str]] = [
    (UNREACHABLE, "breaker open: provider a (connection)"),
    (late("connect"), "breaker open: provider a (connection)"),
    (late("first_byte"), "breaker open: model a/m (timeout)"),
    (late("idle"), "breaker open: model a/m (timeout)"),
    (FAILED, "breaker open: model a/m (server)"),
    (MALFORMED, "breaker open: model a/m (malformed)"),
    (REFUSED, "key refused: K1 (auth)"),
    (limited(), "limit reached: key K1 cools down"),
]
BLAMES_NOBODY = [
    UpstreamRejected("No.", status=404),
    upstream_error(405, {}, b""),
    upstream_error(451, {}, b""),
    UpstreamContentFiltered("No."),
    CallCancelled("Gone."),
    InvalidRequest("No."),
    NoHealthyUpstream("None."),
    CredentialsExhausted("None."),
]


@pytest.mark.parametrize(("error", "reason"), BLAMED, ids=lambda one: getattr(one, "phase", type(one).__name__))
def test_an_error_is_held_against_whom_it_concerns(error: GatewayError, reason: str) -> None:
    board = Watched()
    board.attempt(A, error, times=5)
    assert board.troubled
    assert board.reason(A) == reason
    kind = reason.split()[2 if reason.startswith(("breaker", "limit")) else 0]
    assert bool(board.reason(OTHER_KEY)) == (kind != "key")
    assert bool(board.reason(OTHER_MODEL)) == (kind != "model")  # it has the same key
    assert board.reason(OTHER_PROVIDER) == ""


@pytest.mark.parametrize("error", BLAMES_NOBODY, ids=lambda one: type(one).__name__)
def test_what_says_nothing_of_the_provider_is_held_against_nobody(error: GatewayError) -> None:
    board = Watched()
    board.attempt(A, error, times=50)
    assert not board.troubled
    assert board.states() == []


def test_without_a_key_the_model_is_to_blame() -> None:
    board, bare = Watched(), candidate(key=None)
    board.attempt(bare, limited(20))
    assert board.reason(bare) == "limit reached: model a/m cools down"
    board.time += 20
    board.attempt(bare, REFUSED, times=5)
    assert board.reason(bare) == "breaker open: model a/m (auth)"


def test_what_cools_down_may_be_waited_for_and_what_is_open_not() -> None:
    board = Watched()
    board.attempt(A, limited(20))
    cooling = board.bar(A, board.time)
    assert cooling is not None and (cooling.waits, cooling.until, cooling.category) == (True, 1020, "rate_limit")
    board.attempt(OTHER_KEY, FAILED, times=5)
    opened = board.bar(A, board.time)  # the worse of the two
    assert opened is not None and (opened.waits, opened.until, opened.category) == (False, 1005, "server")


def test_a_key_that_was_rotated_starts_anew() -> None:
    board, fresh = Watched(), candidate(fingerprint="f2")
    board.attempt(A, REFUSED)
    assert (board.reason(A), board.reason(fresh)) == ("key refused: K1 (auth)", "")
    board.attempt(fresh)  # its old value is not in use any more
    assert not board.troubled
    assert board.told() == ["key a/K1: closed -> open", "key a/K1: open -> closed"]


def test_who_answers_can_be_reached() -> None:
    board = Watched()
    board.attempt(A, UNREACHABLE, times=4)
    board.attempt(A, FAILED)
    board.attempt(A, UNREACHABLE, times=4)
    assert not board.troubled


async def test_the_whole_way_and_what_is_told_of_it() -> None:
    board = Watched()
    board.attempt(A, FAILED, times=5)
    board.time = 1004
    assert board.reason(A) == "breaker open: model a/m (server)"
    assert await claimed(board, at=1005)
    assert board.reason(A) == "breaker half-open: model a/m (server) is being probed"
    assert not await claimed(board, at=1006)
    board.attempt(A, FAILED)
    assert board.reason(A) == "breaker open: model a/m (server)"
    assert await claimed(board, at=1016)
    board.attempt(A)
    assert (board.troubled, board.reason(A)) == (False, "")
    assert board.told() == [
        "model a/m: closed -> open",
        "model a/m: open -> half_open",
        "model a/m: half_open -> open",
        "model a/m: open -> half_open",
        "model a/m: half_open -> closed",
    ]
    first = board.events[0]
    assert (first.at, first.until, first.category, first.failures, first.cause) == (1000, 1005, "server", 5, "calls")
    assert len({event.event_id for event in board.events}) == 5


async def claimed(board: Watched, *, at: float) -> bool:
    board.time = at
    return await board.claim(A)


async def half_open(board: Watched, error: GatewayError = FAILED) -> None:
    board.attempt(A, error, times=5)
    board.time += 600


class TestProbe:
    @pytest.mark.parametrize("how", ["left", "rejected"])
    async def test_one_that_says_nothing_gives_its_claim_back(self, how: str) -> None:
        board = Watched()
        await half_open(board)
        assert [await board.claim(A), await board.claim(OTHER_KEY)] == [True, False]
        board.began(A)
        if how == "left":
            board.left(A)
        else:
            board.failed(A, UpstreamRejected("No."))
        assert board.reason(A) == ""
        assert [await board.claim(OTHER_KEY), await board.claim(A)] == [True, False]

    async def test_the_leaving_of_another_call_does_not(self) -> None:
        board = Watched()
        await half_open(board)
        board.began(OTHER_KEY)
        assert await board.claim(A)
        board.left(OTHER_KEY)
        assert not await board.claim(OTHER_KEY)

    @pytest.mark.parametrize("late", ["left", "failed"])
    async def test_an_older_call_of_the_same_candidate_is_not_the_probe(self, late: str) -> None:
        board, older, probe = Watched(), object(), object()
        board.began(A)
        await half_open(board)
        assert await board.claim(A, probe)
        board.began(A)
        if late == "left":
            board.left(A, older)
        else:
            board.failed(A, FAILED, older)
        assert not await board.claim(A, object())
        board.succeeded(A, probe, first_token=None)
        assert [one.state for one in board.states()] == ["closed"]

    async def test_a_lost_one_blocks_for_a_while_only(self) -> None:
        board = Watched()
        await half_open(board)
        assert await board.claim(A)
        board.time += 30
        assert await board.claim(A)

    async def test_of_many_at_once_one_goes(self) -> None:
        board = Watched()
        await half_open(board)
        assert sum(await asyncio.gather(*(board.claim(A) for _ in range(50)))) == 1

    @pytest.mark.parametrize(("error", "closes"), [(FAILED, True), (late("idle"), True), (MALFORMED, False)])
    async def test_one_that_begins_to_answer_need_not_end_its_answer(self, error: GatewayError, closes: bool) -> None:
        board = Watched()
        await half_open(board, error)
        board.answering(A)  # of a call of before
        assert await board.claim(A)
        board.began(A)
        board.answering(A)
        assert (board.reason(OTHER_KEY) == "") == closes
        board.succeeded(A, first_token=0.1)
        assert not board.troubled
        assert board.told()[-1] == "model a/m: half_open -> closed"

    async def test_all_that_is_half_open_is_claimed_or_nothing(self) -> None:
        board = Watched()
        await half_open(board)  # the model
        await half_open(board, REFUSED)  # and its key
        assert await board.claim(candidate("a/n"))  # probes the key
        assert not await board.claim(A)
        assert await board.claim(OTHER_KEY)  # the model was left free

    async def test_a_model_that_fails_says_that_its_provider_can_be_reached(self) -> None:
        board = Watched()
        await half_open(board, UNREACHABLE)
        assert await board.claim(A)
        board.attempt(A, FAILED)
        assert not board.troubled

    async def test_a_key_that_was_limited_is_accepted(self) -> None:
        board = Watched()
        await half_open(board, REFUSED)
        assert await board.claim(A)
        board.attempt(A, limited(3))
        assert board.reason(A) == "limit reached: key K1 cools down"


class TestFromOutside:
    def test_a_reset_closes_all_values_of_a_key(self) -> None:
        board, fresh = Watched(), candidate(fingerprint="f2")
        board.attempt(A, REFUSED)
        board.attempt(fresh, REFUSED)
        board.reset("key", "a/K1", "operator")
        assert (board.troubled, board.reason(A), board.reason(fresh)) == (False, "", "")
        assert [event.cause for event in board.events[2:]] == ["operator", "operator"]

    def test_a_reset_of_what_is_well_tells_nothing(self) -> None:
        board = Watched()
        board.attempt(A, FAILED)
        board.reset("model", "a/m", "operator")
        board.reset("model", "x/y", "operator")
        assert board.events == []

    def test_it_may_have_been_told_already(self) -> None:
        board = Watched()
        board.opened("provider", "a", "connection", "probe", tell=False)
        assert board.troubled
        board.reset("provider", "a", "probe", tell=False)
        assert (board.troubled, board.events) == (False, [])

    @pytest.mark.parametrize(("cause", "length"), [("probe", 10), ("operator", 5)])
    def test_what_opens_again_after_a_probe_closed_it_is_left_alone_for_longer(self, cause: Cause, length: int) -> None:
        board = Watched()
        board.attempt(A, UNREACHABLE, times=5)
        board.reset("provider", "a", cause)
        board.time += 1
        board.attempt(A, UNREACHABLE, times=5)
        [standing] = [one for one in board.states() if one.state == "open"]
        assert (standing.kind, standing.until) == ("provider", 1001 + length)

    def test_what_a_probe_found_broken_is_open(self) -> None:
        board = Watched()
        board.opened("provider", "a", "connection", "probe")
        board.opened("provider", "a", "connection", "probe")
        assert board.reason(A) == "breaker open: provider a (connection)"
        assert [(event.new, event.cause, event.until) for event in board.events] == [("open", "probe", 1005)]

    async def test_a_key_that_a_probe_found_refused(self) -> None:
        board = Watched()
        board.opened("key", "a/K1", "auth", "probe")
        assert board.reason(A) == "key refused: K1 (auth)"
        board.time += 30
        assert await board.claim(A)
        board.attempt(A, REFUSED)
        assert board.reason(A) == "key refused: K1 (auth)"
        assert board.reason(candidate(fingerprint="f2")) == ""  # by now it is known which value it is
        assert [standing.until for standing in board.states()] == [1090]
        board.attempt(candidate(fingerprint="f2"))
        assert not board.troubled
        assert board.told()[-1] == "key a/K1: open -> closed"

    def test_what_was_open_at_the_start(self) -> None:
        board = Watched()
        board.restore("model", "a/m", category="server", until=1030, failures=7)
        assert board.reason(A) == "breaker open: model a/m (server)"
        assert board.events == []
        board.reset("model", "a/m", "operator")
        board.restore("model", "a/m", category="server", until=1030, failures=7)  # here it is known better
        assert (board.troubled, board.told()) == (False, ["model a/m: open -> closed"])

    def test_from_other_threads_while_calls_go_on(self) -> None:
        board = Board()
        ended = threading.Event()

        def orders() -> None:
            while not ended.is_set():
                board.opened("provider", "a", "connection", "probe")
                board.states()
                board.reset("provider", "a", "operator")

        threads = [threading.Thread(target=orders) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(3000):
                one = candidate(f"a/{number % 50}")
                board.bar(one, 0.0)
                board.began(one)
                board.failed(one, FAILED)
                board.began(A)
                board.succeeded(A, first_token=0.1)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        board.reset("provider", "a", "operator")
        assert {standing.state for standing in board.states() if standing.kind == "model"} == {"open"}
        assert board.bar(A, 0.0) is None


def test_states_are_what_pages_show() -> None:
    board = Watched()
    board.attempt(A, FAILED, times=5)
    board.attempt(A, limited(2))
    board.attempt(OTHER_PROVIDER, UNREACHABLE)
    board.time += 5
    assert [(one.kind, one.name, one.state, one.category, one.since, one.failures) for one in board.states()] == [
        ("key", "a/K1", "closed", "rate_limit", 1000, 1),
        ("model", "a/m", "half_open", "server", 1000, 5),
        ("provider", "b", "closed", "connection", 1000, 1),
    ]


def test_cooling_is_told_once_a_minute() -> None:
    board = Watched()
    for _ in range(100):  # every two seconds
        board.attempt(A, limited(1))
        board.time += 2
    assert [event.at for event in board.events if event.new == "cooling"] == [1000, 1060, 1120, 1180]
    assert board.told()[0] == "key a/K1: closed -> cooling"


def test_its_end_is_told_where_it_was() -> None:
    board = Watched()
    for _ in range(2):
        board.attempt(A, limited(1))
        board.time += 1
        board.attempt(A)
    assert board.told() == ["key a/K1: closed -> cooling", "key a/K1: cooling -> closed"]
    assert not board.troubled


def test_a_change_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Watched().attempt(A, FAILED, times=7)
    (line,) = [line for line in caplog.records if line.getMessage() == "health changed"]
    assert (line.levelname, line.kind, line.subject, line.new) == ("WARNING", "model", "a/m", "open")  # type: ignore[attr-defined]  # reason: extra fields


def test_who_cannot_be_told_does_not_fail_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def full(event: HealthEvent) -> None:
        raise OSError("disk full")

    board = Board(full)
    for _ in range(5):
        board.began(A)
        board.failed(A, FAILED)
    assert board.troubled
    assert "could not be told" in caplog.text


async def test_metrics_know_providers_and_models_and_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(metrics, "_current", metrics.Metrics(tmp_path))

    def counted() -> dict[tuple[str, ...], list[float]]:
        return {one.labels: one.numbers for path in tally.files(tmp_path) for one in tally.read(path)}

    board, bare = Watched(), candidate(key=None)
    board.attempt(A, FAILED, times=5)
    board.attempt(A, REFUSED)
    board.attempt(candidate("b/m", key=None), limited(9))
    board.attempt(bare, UNREACHABLE, times=5)
    assert counted() == {("a", "m"): [2, 1005], ("b", "m"): [1, 1009], ("a", ""): [2, 1005]}
    board.time += 5
    assert await board.claim(bare)
    assert counted() == {("a", "m"): [1, 0], ("b", "m"): [1, 1009], ("a", ""): [1, 0]}
    board.attempt(bare)
    assert counted() == {("a", "m"): [0, 0], ("b", "m"): [1, 1009], ("a", ""): [0, 0]}
