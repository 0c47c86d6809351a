"""Two boards, as two processes have them, over a real Redis: one that works, one that stops, one that hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
import redis

from gateway_project.shared_health import share_of
from llm.policies.board_share import BoardShare
from llm.policies.breaker import RULES, Rules
from tests.llm.policies.boards import FAILED, REFUSED, UNREACHABLE, Watched, candidate, limited
from tests.support import redis as redis_server
from tests.support.eventually import eventually

A = candidate()
SECOND = 1.0
OPEN = "breaker open: model a/m (server)"
QUICK = Rules(open_first=0.05)  # half-open at once


@dataclass(slots=True)
class Process:
    board: Watched
    share: BoardShare


@contextmanager
def process(url: str, prefix: str, rules: Rules = RULES) -> Iterator[Process]:
    board = Watched(time.time, rules=rules, key_rules=rules)
    share = share_of(board, url, prefix=prefix)
    share.start()
    try:
        yield Process(board, share)
    finally:
        share.stop()


@pytest.fixture
def prefix() -> str:
    return f"test:{uuid4()}"


@pytest.fixture
def start(redis_url: str, prefix: str) -> Iterator[Callable[..., Process]]:
    """Starts another process; it is connected."""
    running = []

    def started(rules: Rules = RULES) -> Process:
        context = process(redis_url, prefix, rules)
        running.append(context)
        one = context.__enter__()
        assert one.share.listening.wait(10)
        return one

    yield started
    for context in running:
        context.__exit__(None, None, None)


Start = Callable[..., Process]


class TestChanges:
    def test_what_one_opens_is_open_for_the_other(self, start: Start) -> None:
        one, other = start(), start()
        one.board.attempt(A, FAILED, times=5)
        eventually(lambda: other.board.reason(A) == OPEN, seconds=SECOND)
        assert [(mine.until, mine.failures) for mine in one.board.states()] == [
            (theirs.until, theirs.failures) for theirs in other.board.states()
        ]
        assert (len(one.board.events), other.board.events) == (1, [])  # told once

    def test_what_one_closes_is_closed_for_the_other_and_told_once(self, start: Start) -> None:
        one, other = start(QUICK), start(QUICK)
        one.board.attempt(A, FAILED, times=5)
        eventually(lambda: other.board.troubled)
        eventually(lambda: other.board.reason(A) == "")
        other.board.attempt(A)
        eventually(lambda: not one.board.troubled)
        assert one.board.told() == ["model a/m: closed -> open"]
        assert other.board.told() == ["model a/m: open -> closed"]

    def test_kinds_of_subjects(self, start: Start) -> None:
        one, other = start(), start()
        one.board.attempt(candidate(key="K2"), REFUSED)
        one.board.attempt(candidate(key="K3"), limited(30))
        one.board.attempt(candidate("b/m"), UNREACHABLE, times=5)
        eventually(lambda: len(other.board.states()) == 3)
        assert other.board.reason(candidate(key="K2")) == "key refused: K2 (auth)"
        assert other.board.reason(candidate(key="K2", fingerprint="new")) == ""
        assert other.board.reason(candidate(key="K3")) == "limit reached: key K3 cools down"
        assert other.board.reason(candidate("b/x")) == "breaker open: provider b (connection)"

    def test_one_that_starts_later_knows_what_stands(self, start: Start, redis_url: str, prefix: str) -> None:
        one = start()
        one.board.attempt(A, FAILED, times=5)
        one.board.attempt(candidate(key="K2"), REFUSED)
        one.board.reset("key", "a/K2", "operator")
        eventually(lambda: states(redis_url, prefix) == 1)
        other = start()
        assert other.board.reason(A) == OPEN
        assert [standing.name for standing in other.board.states()] == ["a/m"]
        assert other.board.events == []

    def test_what_is_long_over_or_of_another_version_is_dropped(
        self, start: Start, redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("llm.policies.board_share.STALE_SECONDS", 0.0)
        one = start(QUICK)
        one.board.attempt(A, FAILED, times=5)
        with redis.Redis.from_url(redis_url) as client:
            eventually(lambda: states(redis_url, prefix) == 1)
            client.hset(f"{prefix}:states", "odd", "{}")
            client.publish(f"{prefix}:changes", b"\xff not even text")
            client.publish(f"{prefix}:changes", "[]")
        eventually(lambda: one.board.reason(A) == "")
        other = start()
        assert (other.board.troubled, states(redis_url, prefix)) == (False, 0)
        eventually(one.share.listening.is_set)  # it hears again, whatever there was to hear
        other.board.attempt(candidate("b/m"), FAILED, times=5)
        eventually(lambda: one.board.reason(candidate("b/m")))


def states(url: str, prefix: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.hlen(f"{prefix}:states"))


def probes(url: str, prefix: str) -> int:
    with redis.Redis.from_url(url) as client:
        return len(client.keys(f"{prefix}:probe:*"))


def both_half_open(start: Start) -> tuple[Process, Process]:
    one, other = start(QUICK), start(QUICK)
    one.board.attempt(A, FAILED, times=5)
    for board in (one.board, other.board):
        eventually(lambda board=board: board.troubled and not board.reason(A))  # type: ignore[misc]  # reason: a lambda with a default
    return one, other


class TestProbe:
    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Redis answers in a millisecond; on a busy machine its client may not hear it in time."""
        monkeypatch.setattr("llm.policies.board_share.CLAIM_SECONDS", 10.0)

    async def test_of_all_calls_of_all_processes_one_is_the_probe(
        self, start: Start, redis_url: str, prefix: str
    ) -> None:
        one, other = both_half_open(start)
        claims = [process.board.claim(A) for _ in range(50) for process in (one, other)]
        assert sum(await asyncio.gather(*claims)) == 1
        assert probes(redis_url, prefix) == 1
        prober = one if one.board.told()[-1].endswith("half_open") else other
        prober.board.attempt(A)
        eventually(lambda: not one.board.troubled and not other.board.troubled)
        eventually(lambda: probes(redis_url, prefix) == 0)
        assert sorted(one.board.told() + other.board.told()) == [
            "model a/m: closed -> open",
            "model a/m: half_open -> closed",
            "model a/m: open -> half_open",
        ]

    async def test_one_that_said_nothing_gives_its_claim_back(self, start: Start, redis_url: str, prefix: str) -> None:
        one, other = both_half_open(start)
        assert await one.board.claim(A)
        assert not await other.board.claim(A)
        one.board.began(A)
        one.board.left(A)
        eventually(lambda: probes(redis_url, prefix) == 0)
        eventually(lambda: other.board.reason(A) == "")  # it does not ask again at once
        assert await other.board.claim(A)

    async def test_a_caller_that_leaves_while_it_claims_leaves_no_claim(
        self, start: Start, redis_url: str, prefix: str
    ) -> None:
        one, _ = both_half_open(start)
        claiming = asyncio.create_task(one.board.claim(A))
        await asyncio.sleep(0)
        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming
        eventually(lambda: probes(redis_url, prefix) == 0)
        assert await one.board.claim(A)


class TestWithoutRedis:
    async def test_where_there_is_none_calls_go_on(self, prefix: str) -> None:
        with process("redis://127.0.0.1:1/0", prefix, QUICK) as one:
            one.board.attempt(A, FAILED, times=5)
            eventually(lambda: one.board.reason(A) == "")
            assert sum(await asyncio.gather(*(one.board.claim(A) for _ in range(50)))) == 1
            one.board.attempt(A)
            assert not one.board.troubled

    async def test_it_stops_in_the_middle(self, prefix: str) -> None:
        with running() as url, process(url, prefix, QUICK) as one, process(url, prefix, QUICK) as other:
            assert one.share.listening.wait(10) and other.share.listening.wait(10)
            one.board.attempt(A, FAILED, times=5)
            eventually(lambda: other.board.troubled)
            kill(url)
            eventually(lambda: not one.share.listening.is_set())
            eventually(lambda: one.board.reason(A) == other.board.reason(A) == "")  # half-open
            for board in (one.board, other.board):  # each has its own probe now, and learns for itself
                began = time.monotonic()
                assert sum(await asyncio.gather(*(board.claim(A) for _ in range(50)))) == 1
                assert time.monotonic() - began < SECOND
                board.attempt(A)
                assert not board.troubled

    async def test_it_hangs_and_goes_on(self, prefix: str) -> None:
        with running() as url, process(url, prefix, QUICK) as one, process(url, prefix) as other:
            assert one.share.listening.wait(10) and other.share.listening.wait(10)
            one.board.attempt(A, FAILED, times=5)
            eventually(lambda: other.board.troubled and one.board.reason(A) == "")
            pid = pid_of(url)
            os.kill(pid, signal.SIGSTOP)
            try:
                began = time.monotonic()
                assert await one.board.claim(A)  # nobody answers, so nobody says no
                assert time.monotonic() - began < SECOND
                one.board.attempt(A)
                one.board.attempt(candidate("b/m"), FAILED, times=5)
                assert time.monotonic() - began < SECOND
            finally:
                os.kill(pid, signal.SIGCONT)
            eventually(lambda: other.board.reason(A) == "" and other.board.reason(candidate("b/m")) != "")


@contextmanager
def running() -> Iterator[str]:
    try:
        with redis_server.server() as url:
            yield url
    except redis_server.NotAvailable as error:
        pytest.skip(f"not available: {error}")


def pid_of(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def kill(url: str) -> None:
    os.kill(pid_of(url), signal.SIGKILL)
