"""The way of a call: one record each, whatever happens; attempts, budgets and what is told of them."""

from __future__ import annotations

import asyncio

import pytest

from llm.errors import (
    CredentialsExhausted,
    GatewayError,
    InvalidApiKey,
    InvalidRequest,
    ModelNotFound,
    RecordNotWritten,
    UpstreamAuthFailed,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from llm.observe.record import CallRecord
from llm.observe.spool import MemorySink
from llm.service import Call
from llm.snapshot import Caller, Model, Route, RoutePolicy, RouteTarget, Snapshot
from llm.spec import Request, Result, Timeouts, Usage
from tests.llm.service.scripted import Outcome, ScriptedAdapter, ScriptedStream, Ticking, call, gateway, result
from tests.llm.service.snapshots import snapshot, upstream

FAILED = UpstreamFailed("The provider failed.")
CONFIG = snapshot([upstream("a", "openai")], ["a/m"])


class World:
    """A gateway over one scripted adapter."""

    def __init__(self, *outcomes: Outcome, config: Snapshot | None = CONFIG) -> None:
        self.sink, self.ticking, self.adapter = MemorySink(), Ticking(), ScriptedAdapter(*outcomes)
        self.gateway = gateway(config, self.sink, self.adapter, self.ticking)

    @property
    def record(self) -> CallRecord:
        (found,) = self.sink.records
        return found


async def test_a_call_is_recorded_with_all_that_is_known() -> None:
    world = World(result(b'{"x":1}', dropped=("seed",)))
    asked = call(tags={"team": "x"}, end_user="u", request_id="mine")
    reply = await world.gateway.complete(asked)
    assert (reply.body, reply.finish_reason, reply.info.dropped) == (b'{"x":1}', "stop", ("seed",))
    record = world.record
    assert (record.call_id, record.request_id, record.created_at) == (asked.call_id, "mine", 1000.0)
    assert (record.status, record.http_status, record.error_code) == ("succeeded", 200, "")
    assert (record.project, record.key, record.end_user, record.tags) == ("default", "key-a", "u", {"team": "x"})
    assert (record.provider, record.model, record.requested_model, record.route) == ("a", "m", "m", "")
    tokens = (record.input_tokens, record.output_tokens, record.cached_tokens, record.cache_write_tokens)
    assert (*tokens, record.reasoning_tokens) == (12, 3, 4, 2, 1)
    assert (record.revision, record.attempts, record.stream) == (7, 1, False)
    assert (record.endpoint, record.usage_estimated, record.cost_nano_usd) == ("chat/completions", False, None)
    assert (record.latency_ms, record.time_to_first_token_ms, record.overhead_ms) == (0, None, 0)
    assert [step.event for step in record.trace] == ["plan", "attempt"]


async def test_a_provider_that_counts_beyond_measure_is_believed_within_bounds() -> None:
    told = Usage(input_tokens=10**400, output_tokens=7, reasoning_tokens=10**13, estimated=True)
    world = World(Result(b"{}", told, "stop"))
    await world.gateway.complete(call())
    record, attempt = world.record, world.record.trace[-1]
    assert (record.input_tokens, record.output_tokens, record.reasoning_tokens) == (10**12, 7, 10**12)
    assert (attempt.input_tokens, attempt.output_tokens, record.usage_estimated) == (10**12, 7, True)


def test_a_call_is_shown_without_its_key() -> None:
    asked = call()
    assert asked.headers["x-api-key"] not in repr(asked) and asked.call_id in repr(asked)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamRejected("No.", status=422), "invalid_request"),
        (UpstreamTimeout("Too late.", phase="first_byte"), "upstream_timeout"),
        (UpstreamAuthFailed("No."), "upstream_credentials_exhausted"),
        (InvalidRequest("No.", param="n"), "invalid_request"),
        (ZeroDivisionError(), "internal_error"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "internal_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_whatever_is_raised_leaves_one_record(error: BaseException, code: str, stream: bool) -> None:
    world = World(error)
    expected = CredentialsExhausted if isinstance(error, UpstreamAuthFailed) else type(error)
    with pytest.raises(expected):
        await world.gateway.answer(call(stream=stream))
    assert (world.record.error_code, world.record.attempts) == (code, 1)
    assert world.record.status == ("cancelled" if code == "cancelled" else "failed")


async def test_refusals_before_an_attempt_are_recorded_too() -> None:
    world = World()
    for asked, error in [
        (call(headers={}), InvalidApiKey),
        (call("nothing"), ModelNotFound),
        (call(""), InvalidRequest),
        (call(project="nobody"), InvalidRequest),
    ]:
        with pytest.raises(error):
            await world.gateway.answer(asked)
    assert [record.http_status for record in world.sink.records] == [401, 404, 400, 400]
    assert [record.project for record in world.sink.records] == ["", "default", "default", ""]


async def test_a_gateway_without_configuration_records_and_says_so() -> None:
    world = World(config=None)
    with pytest.raises(GatewayError) as caught:
        await world.gateway.answer(call())
    assert (caught.value.code, world.record.http_status) == ("no_healthy_upstream", 503)


async def test_a_body_is_read_after_the_caller_is_known() -> None:
    async def read() -> Request:
        raise AssertionError("must not be read")

    world = World()
    with pytest.raises(InvalidApiKey):
        await world.gateway.answer(Call("messages", read, headers={}))
    assert world.record.http_status == 401


async def test_a_project_may_be_named_by_a_trusted_door() -> None:
    world = World(result())
    await world.gateway.complete(call(headers={}, project="default"))
    assert (world.record.project, world.record.key) == ("default", "")


async def test_tags_of_the_project_hold_unless_the_call_says_otherwise() -> None:
    caller = Caller("default", "key-a", tags={"team": "x", "env": "dev"})
    world = World(result(), config=snapshot([upstream("a")], ["a/m"], caller=caller))
    await world.gateway.complete(call(tags={"team": "y"}))
    assert world.record.tags == {"team": "y", "env": "dev"}


async def test_each_verb_refuses_the_others_request_before_any_attempt() -> None:
    world = World()
    for wrong in (world.gateway.complete(call(stream=True)), world.gateway.stream(call(stream=False))):
        with pytest.raises(InvalidRequest) as caught:
            await wrong
        assert caught.value.param == "stream"
    assert not world.adapter.targets
    assert len(world.sink.records) == 2


async def test_a_failed_attempt_is_repeated_after_its_pause() -> None:
    world = World(FAILED, UpstreamRateLimited("Slow down.", retry_after=3), result())
    reply = await world.gateway.complete(call())
    assert (reply.info.attempts, world.ticking.pauses) == (3, [0.5, 3])
    assert (world.record.latency_ms, world.record.overhead_ms) == (3500, 0)


async def test_time_limits_shrink_with_what_is_left_of_the_budget() -> None:
    config = snapshot(
        [upstream("a", "openai", timeouts=Timeouts(connect=1, first_byte=20, idle=30, total=600))],
        ["a/m"],
        [Route("r", (RouteTarget("a", "m"),), policy=RoutePolicy(timeout_seconds=10, first_token_timeout_seconds=4))],
    )
    world = World(UpstreamFailed("Busy.", retry_after=7), UpstreamFailed("Busy.", retry_after=7), config=config)
    with pytest.raises(UpstreamFailed):
        await world.gateway.complete(call("r"))
    first, second = (target.timeouts for target in world.adapter.targets)
    assert first == Timeouts(connect=1, first_byte=4, idle=30, total=10)
    assert second.total == 3
    assert world.record.route == "r"


async def test_a_target_is_what_operator_and_model_say() -> None:
    source = upstream("a", "openai", headers={"h": "1"}, extra_body={"e": 1}, parameters={"t": 1, "p": 1})
    model = Model("a", "m", max_tokens=9, parameters={"t": 2})
    world = World(result(), config=snapshot([source], [model]))
    await world.gateway.complete(call())
    (target,) = world.adapter.targets
    assert (target.provider_id, target.kind, target.model_id, target.key_id) == ("a", "openai", "m", "key-1")
    assert (target.headers, target.extra_body, target.max_tokens) == ({"h": "1"}, {"e": 1}, 9)
    assert (target.parameters, target.secret) == ({"t": 2, "p": 1}, "sk-test")


async def test_a_configuration_that_changes_meanwhile_is_not_mixed_in() -> None:
    gate = asyncio.Event()
    world = World(gate, result())
    running = asyncio.create_task(world.gateway.complete(call()))
    await world.adapter.asked.wait()
    world.gateway.holder.swap(snapshot(revision=8))
    gate.set()
    await running
    assert world.record.revision == 7


async def test_cancelling_leaves_one_record_and_frees_the_stream() -> None:
    for outcome in (asyncio.Event(), ScriptedStream([asyncio.Event()])):
        world = World(outcome)
        running = asyncio.create_task(world.gateway.answer(call(stream=isinstance(outcome, ScriptedStream))))
        await world.adapter.asked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (world.record.status, world.record.http_status) == ("cancelled", 499)
        assert not isinstance(outcome, ScriptedStream) or outcome.closed == 1


class Refusing:
    def write(self, record: CallRecord) -> None:
        raise RecordNotWritten("Full.")


@pytest.mark.parametrize("outcome", [result(), UpstreamRejected("No.")])
async def test_nothing_is_acknowledged_that_is_not_recorded(outcome: Outcome) -> None:
    world = gateway(CONFIG, Refusing(), ScriptedAdapter(outcome))
    with pytest.raises(RecordNotWritten):
        await world.complete(call())


async def test_a_caller_that_has_left_stays_left_where_nothing_can_be_recorded() -> None:
    with pytest.raises(asyncio.CancelledError):
        await gateway(CONFIG, Refusing(), ScriptedAdapter(asyncio.CancelledError())).complete(call())
