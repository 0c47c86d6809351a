"""The attempts of a call as its record tells them: what was tried, passed over and waited for, and what it cost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

import pytest

from llm.errors import (
    ContextLengthExceeded,
    GatewayError,
    NoHealthyUpstream,
    Unsupported,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm.observe.record import CallRecord, decode, encode
from llm.observe.spool import MemorySink
from llm.observe.trace import TraceStep
from llm.policies.board import Board
from llm.policies.plan import Bar, Candidate
from llm.prices import Price, Rates
from llm.service import Clock, Gateway
from llm.snapshot import Holder, Model, Route, RoutePolicy, RouteTarget, Snapshot
from llm.spec import Request
from tests.llm.service.scripted import NoTransport, Outcome, ScriptedAdapter, ScriptedStream, Ticking, call, result
from tests.llm.service.snapshots import snapshot, upstream

FAILED = UpstreamFailed("The provider failed.")
PRICE = Price(rates=Rates(input=1_000_000_000, output=2_000_000_000))


class Watched(Board):
    """What it is told; `barred` and `claimed` models are not to be asked."""

    def __init__(self, *, barred: Iterable[str] = (), claimed: Iterable[str] = ()) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []
        self._barred, self._claimed = set(barred), set(claimed)

    @property
    def troubled(self) -> bool:  # type: ignore[override]  # reason: a constant where nothing is known
        return bool(self._barred or self._claimed)

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        return Bar("breaker open", now + 9, category="server") if candidate.name in self._barred else None

    async def claim(self, candidate: Candidate, by: object = None) -> bool:
        return candidate.name not in self._claimed

    def succeeded(self, candidate: Candidate, by: object = None, *, first_token: float | None) -> None:
        self.told.append(("succeeded", candidate.name))

    def failed(self, candidate: Candidate, error: GatewayError, by: object = None) -> None:
        self.told.append((type(error).__name__, candidate.name))

    def left(self, candidate: Candidate, by: object = None) -> None:
        self.told.append(("left", candidate.name))


class World:
    def __init__(self, *outcomes: Outcome, config: Snapshot, board: Watched | None = None) -> None:
        self.sink, self.ticking, self.adapter = MemorySink(), Ticking(), ScriptedAdapter(*outcomes)
        self.board = board or Watched()
        self.gateway = Gateway(
            Holder(config),
            self.sink,
            NoTransport(),
            clock=self.ticking.clock(),
            adapter_of=lambda kind, transport: self.adapter,
            board=self.board,
        )

    @property
    def record(self) -> CallRecord:
        (found,) = self.sink.records
        return found

    def steps(self, event: str) -> list[TraceStep]:
        return [step for step in self.record.trace if step.event == event]


def config(*models: str, fallbacks: int = 0, **policy: object) -> Snapshot:
    """A route `r` over `provider/model`s, in the order of their priorities."""
    targets = [RouteTarget(*name.split("/"), priority=place) for place, name in enumerate(models)]
    cut = len(targets) - fallbacks
    upstreams = [upstream(provider, "openai") for provider in {target.provider_id for target in targets}]
    known = [Model(target.provider_id, target.model_id, prices=(PRICE,)) for target in targets]
    route = Route("r", tuple(targets[:cut]), tuple(targets[cut:]), policy=RoutePolicy(**policy))
    return snapshot(upstreams, known, [route])


async def test_a_plain_call_has_a_plan_and_one_attempt() -> None:
    world = World(result(), config=config("a/m", "b/m"))
    await world.gateway.complete(call("r"))
    plan, attempt = world.record.trace
    assert (plan.event, plan.candidates) == ("plan", ("a/m", "b/m"))
    assert (attempt.event, attempt.model, attempt.key, attempt.role) == ("attempt", "a/m", "key-1", "target")
    assert (attempt.outcome, attempt.error) == ("succeeded", "")
    assert attempt.cost_nano_usd == world.record.cost_nano_usd and attempt.cost_nano_usd
    assert world.board.told == [("succeeded", "a/m")]


async def test_failed_attempts_waits_and_the_fallback_are_told_with_their_times() -> None:
    limited = UpstreamRateLimited("Too many requests.", retry_after=1.5)
    world = World(FAILED, limited, result(), config=config("a/m", "b/m", fallbacks=1, retries=1))
    await world.gateway.complete(call("r"))
    assert [step.event for step in world.record.trace] == ["plan", "attempt", "wait", "attempt", "attempt"]
    first, second, third = world.steps("attempt")
    assert (first.outcome, first.error, second.outcome, second.error) == (
        "failed",
        "UpstreamFailed",
        "rate_limited",
        "UpstreamRateLimited",
    )
    assert (second.retry_after_seconds, third.model, third.role) == (1.5, "b/m", "fallback")
    (wait,) = world.steps("wait")
    assert (wait.reason, wait.duration_ms, second.at_ms) == ("backoff", 500, 500)
    assert world.record.attempts == 3 and world.record.provider == "b"
    assert world.board.told == [("UpstreamFailed", "a/m"), ("UpstreamRateLimited", "a/m"), ("succeeded", "b/m")]


class Cooling(Watched):
    """Everything cools down until then."""

    troubled = True

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        return Bar("cools down", self.until, waits=True)


@pytest.mark.parametrize(("seconds", "waited"), [(6.0, []), (8.0, [2.0])])
async def test_the_time_that_the_body_took_is_part_of_the_budget(seconds: float, waited: list[float]) -> None:
    world = World(result(), config=config("a/m", timeout_seconds=20.0), board=Cooling(1007.0))
    asked = call("r", timeout=seconds)
    request = asked.request
    assert isinstance(request, Request)

    async def read_slowly() -> Request:
        world.ticking.at += 5
        return request

    asked.request = read_slowly
    if waited:
        await world.gateway.answer(asked)
    else:
        with pytest.raises(UpstreamRateLimited):
            await world.gateway.answer(asked)
    assert world.ticking.pauses == waited


@pytest.mark.parametrize(("away", "told"), [(0.9, "UpstreamTimeout"), (30.0, "left")])
async def test_a_caller_that_hardly_reads_says_nothing_of_the_provider(away: float, told: str) -> None:
    stream = ScriptedStream([b"data: x\n\n", b"data: y\n\n", UpstreamTimeout("Late.")])
    world = World(stream, config=config("a/m"))
    reply = await world.gateway.stream(call("r", stream=True))
    await anext(reply)
    world.ticking.at += away
    await anext(reply)
    with pytest.raises(UpstreamTimeout):
        await anext(reply)
    assert world.board.told == [(told, "a/m")]
    assert world.record.error_code == "upstream_timeout"


async def test_what_failed_attempts_used_is_paid_for() -> None:
    dying = ScriptedStream([FAILED])
    dying.summary.usage.input_tokens = 1000
    whole = ScriptedStream([b"data: x\n\n", b"end"])
    world = World(dying, whole, config=config("a/m", "b/m"))
    reply = await world.gateway.stream(call("r", stream=True))
    assert b"".join([piece async for piece in reply]).endswith(b"end")
    first, second = world.steps("attempt")
    assert first.cost_nano_usd == 1_000_000 and first.input_tokens == 1000
    assert second.cost_nano_usd and world.record.cost_nano_usd == first.cost_nano_usd + second.cost_nano_usd
    assert world.record.input_tokens == second.input_tokens


async def test_a_stream_that_dies_after_its_beginning_is_told_to_the_board() -> None:
    world = World(ScriptedStream([b"data: x\n\n", FAILED]), config=config("a/m"))
    reply = await world.gateway.stream(call("r", stream=True))
    with pytest.raises(UpstreamFailed):
        async for _ in reply:
            pass
    (attempt,) = world.steps("attempt")
    assert (attempt.outcome, attempt.error) == ("failed", "UpstreamFailed")
    assert attempt.first_token_ms is not None
    assert world.board.told == [("UpstreamFailed", "a/m")]


async def test_a_caller_that_leaves_says_nothing_of_the_provider() -> None:
    world = World(ScriptedStream([b"data: x\n\n", b"data: y\n\n"]), config=config("a/m"))
    reply = await world.gateway.stream(call("r", stream=True))
    await reply.aclose()
    assert world.board.told == [("left", "a/m")]
    assert world.steps("attempt")[0].outcome == "cancelled"


@pytest.mark.parametrize("error", [UpstreamRejected("No.", status=422), ContextLengthExceeded("Too long.")])
async def test_a_wrong_call_says_nothing_of_the_provider(error: GatewayError) -> None:
    world = World(error, config=config("a/m"))
    with pytest.raises(type(error)):
        await world.gateway.complete(call("r"))
    assert [what for what, _ in world.board.told] in (["left"], ["UpstreamRejected"])


async def test_a_timeout_of_the_caller_s_own_making_is_not_the_provider_s() -> None:
    out_of_time = UpstreamTimeout("Too late.", phase="total")
    world = World(out_of_time, config=config("a/m"))
    with pytest.raises(UpstreamTimeout):
        await world.gateway.complete(call("r", timeout=0.5))
    assert world.adapter.targets[0].timeouts.total == 0.5
    assert world.board.told == [("left", "a/m")]
    world = World(out_of_time, config=config("a/m"))
    with pytest.raises(UpstreamTimeout):
        await world.gateway.complete(call("r"))
    assert world.board.told == [("UpstreamTimeout", "a/m")]


async def test_what_broke_meanwhile_is_passed_over_with_a_reason() -> None:
    board = Watched(claimed=["a/m"])
    world = World(result(), config=config("a/m", "b/m"), board=board)
    await world.gateway.complete(call("r"))
    assert [(step.model, step.reason) for step in world.steps("skipped")] == [
        ("a/m", "half open: another call is the probe")
    ]
    assert world.record.provider == "b" and world.record.attempts == 1


async def test_where_all_is_broken_the_call_fails_at_once_and_says_when_to_come_back() -> None:
    board = Watched(barred=["a/m", "b/m"])
    world = World(config=config("a/m", "b/m", fallbacks=1), board=board)
    with pytest.raises(NoHealthyUpstream) as caught:
        await world.gateway.complete(call("r"))
    assert caught.value.retry_after == 9
    assert {(step.model, step.reason) for step in world.steps("skipped")} == {
        ("a/m", "breaker open"),
        ("b/m", "breaker open"),
    }
    assert (world.record.attempts, world.record.http_status) == (0, 503)


async def test_a_test_of_a_provider_goes_where_it_is_told_to() -> None:
    where = config("a/m")
    world = World(result(), config=where, board=Watched(barred=["a/m"]))
    await world.gateway.complete(call("a/m", snapshot=where))
    assert world.board.told == [("succeeded", "a/m")]


async def test_a_route_that_refuses_to_drop_goes_on_to_who_can_carry_it() -> None:
    refused = Unsupported("No.", param="seed")
    world = World(refused, result(), config=config("a/m", "b/m", retries=0, unsupported="refuse"))
    await world.gateway.complete(call("r"))
    assert [(step.model, step.error) for step in world.steps("attempt")] == [("a/m", "Unsupported"), ("b/m", "")]
    assert world.board.told == [("left", "a/m"), ("succeeded", "b/m")]


async def test_a_trace_survives_the_spool() -> None:
    world = World(FAILED, result(), config=config("a/m", "b/m"))
    await world.gateway.complete(call("r"))
    assert decode(encode(world.record)) == world.record


async def test_a_call_that_is_cancelled_between_attempts_keeps_its_trace() -> None:
    forever = asyncio.Event()
    world = World(FAILED, forever, config=config("a/m", "b/m"))
    task = asyncio.ensure_future(world.gateway.complete(call("r")))
    while len(world.adapter.targets) < 2:
        await asyncio.wait_for(world.adapter.asked.wait(), 5)
        world.adapter.asked.clear()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(step.model, step.outcome) for step in world.steps("attempt")] == [("a/m", "failed"), ("b/m", "cancelled")]


async def test_no_attempt_ends_after_its_call() -> None:
    sink, seconds = MemorySink(), itertools.count(1000)  # each look at the clock finds it a second later
    clock = Clock(monotonic=lambda: float(next(seconds)), now=lambda: 1000.0, random=lambda: 0.0)
    adapter = ScriptedAdapter(result())
    made = Gateway(Holder(config("a/m")), sink, NoTransport(), clock=clock, adapter_of=lambda kind, transport: adapter)
    await made.complete(call("r"))
    (record,) = sink.records
    attempt = record.trace[-1]
    assert attempt.duration_ms is not None
    assert attempt.at_ms + attempt.duration_ms <= record.latency_ms
