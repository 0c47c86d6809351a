"""What a board keeps: for how long, how much of it, and what that costs a call while all is well."""

from __future__ import annotations

import timeit

import pytest

from llm.policies import subjects
from llm.policies.board import MOST_MODELS, MOST_ROUTES, Board
from tests.llm.policies.boards import FAILED, Watched, candidate, limited

A = candidate()
OTHER_KEY = candidate(key="K2")
OTHER_MODEL = candidate("a/n")
OTHER_PROVIDER = candidate("b/m")


class TestMemory:
    def test_what_is_well_again_is_forgotten(self) -> None:
        board = Watched()
        board.attempt(A, FAILED)
        board.attempt(OTHER_KEY, limited(5))
        board.time += 70
        board.attempt(OTHER_PROVIDER)
        assert (board.states(), board.troubled) == ([], False)
        assert board.told() == ["key a/K2: closed -> cooling", "key a/K2: cooling -> closed"]

    def test_what_is_open_and_never_asked_is_forgotten_in_the_end(self) -> None:
        board = Watched()
        board.opened("provider", "gone", "connection", "probe")
        board.time += 3600
        board.attempt(A, FAILED)
        assert [one.name for one in board.states()] == ["a/m", "gone"]
        board.time += 10
        board.attempt(A)
        assert [one.name for one in board.states()] == ["a/m"]

    def test_there_is_an_upper_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subjects, "MOST_SUBJECTS", 20)
        board = Watched()
        board.attempt(A, FAILED, times=5)
        for number in range(100):
            board.attempt(candidate(f"a/x{number}"), FAILED)
        assert len(board.states()) == 20
        assert board.reason(A)  # those that are well go first

    def test_models_and_routes_too(self) -> None:
        board = Board()
        busy = candidate("a/busy")
        board.began(busy)
        for number in range(MOST_MODELS + 10):
            board.busy(candidate(f"a/{number}"))
            board.turn(f"route {number}")
        assert len(board._paces) == MOST_MODELS
        assert len(board._turns) <= MOST_ROUTES
        assert board.busy(candidate("a/busy")) == 1


class TestPace:
    def test_attempts_under_way_are_those_of_a_model(self) -> None:
        board = Watched()
        for one in (A, OTHER_KEY, A, OTHER_MODEL):
            board.began(one)
        assert (board.busy(A), board.busy(OTHER_KEY), board.busy(OTHER_MODEL)) == (3, 3, 1)
        board.succeeded(A, first_token=None)
        board.failed(A, FAILED)
        board.left(OTHER_KEY)
        assert (board.busy(A), board.busy(OTHER_MODEL)) == (0, 1)

    def test_its_first_token(self) -> None:
        board = Watched()
        assert (board.first_token(A), board.first_token_p95(A)) == (None, None)
        for _ in range(20):
            board.began(A)
            board.succeeded(OTHER_KEY, first_token=0.25)
        assert (board.first_token(A), board.first_token_p95(A)) == (0.25, 0.25)
        assert board.first_token(OTHER_MODEL) is None

    def test_turns_are_counted_for_each_route(self) -> None:
        board = Board()
        assert [board.turn(route) for route in ("a", "a", "b", "a")] == [0, 1, 0, 2]


def test_while_all_is_well_a_call_pays_next_to_nothing() -> None:
    """Measured: half a microsecond for both. The bound is for a machine that is busy with other things."""
    board = Board()

    def call() -> None:
        board.began(A)
        board.succeeded(A, first_token=0.5)

    assert min(timeit.repeat(call, number=2000, repeat=10)) / 2000 < 5e-6
