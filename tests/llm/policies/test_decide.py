"""What a call would do, as a table: a configuration, a request, and what is known of the moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from llm.errors import InvalidRequest, NoHealthyUpstream
from llm.policies.decide import at_once, decide
from llm.policies.plan import Bar, Calm, Candidate, Plan
from llm.policies.window import BYTES_A_TOKEN
from llm.snapshot import Caller, Model, Route, RoutePolicy, RouteTarget, Snapshot
from llm.spec import Dialect, Request
from tests.llm.service.snapshots import openai, snapshot

CALLER = Caller("default", "key-a")
NOW = 1000.0


@dataclass
class Known(Calm):
    """`down`: models that are broken until a time."""

    down: dict[str, float] = field(default_factory=dict)
    troubled: bool = True  # type: ignore[misc]  # reason: Calm's is a constant

    def bar(self, candidate: Candidate, now: float) -> Bar | None:
        until = self.down.get(candidate.name)
        return None if until is None else Bar("breaker open", until, category="server")


def request(size: int = 10, dialect: Dialect = "openai_chat", **fields: object) -> Request:
    body = {"messages": [{"role": "user", "content": "x" * size}], **fields}
    return Request(dialect, "r", {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()})


def configuration(*models: Model, fallbacks: int = 0) -> Snapshot:
    targets = [RouteTarget(model.provider_id, model.model_id, priority) for priority, model in enumerate(models)]
    cut = len(targets) - fallbacks
    upstreams = [openai(provider, "http://127.0.0.1:9") for provider in {model.provider_id for model in models}]
    return snapshot(upstreams, models, [Route("r", tuple(targets[:cut]), tuple(targets[cut:]))])


def planned(config: Snapshot, asked: Request, conditions: Calm | None = None) -> Plan:
    return decide(config, CALLER, asked, now=NOW, random=lambda: 0.0, conditions=conditions or Calm())


def told(plan: Plan) -> tuple[list[str], list[tuple[str, str]]]:
    order = [candidate.name for candidate in (*plan.candidates, *plan.fallbacks)]
    return order, [(one.model, one.reason) for one in plan.skipped]


def test_a_small_window_is_passed_over_where_a_larger_one_is_left() -> None:
    config = configuration(Model("p", "small", context_window=100), Model("p", "large", context_window=10_000))
    assert told(planned(config, request())) == (["p/small", "p/large"], [])
    long = request(101 * BYTES_A_TOKEN)
    assert told(planned(config, long)) == (["p/large"], [("p/small", "window too small")])


def test_the_answer_that_is_asked_for_needs_room_too() -> None:
    config = configuration(Model("p", "small", context_window=100), Model("p", "large", context_window=10_000))
    assert told(planned(config, request(max_tokens=99)))[0] == ["p/large"]
    assert told(planned(config, request(max_tokens=50)))[0] == ["p/small", "p/large"]
    endless = request()
    endless.fields["max_tokens"] = msgspec.Raw(b"9" * 5000)  # more digits than Python makes a number of
    assert told(planned(config, endless))[0] == ["p/small", "p/large"]


@pytest.mark.parametrize("windows", [(100, 50), (100, None)])
def test_a_window_that_nobody_knows_is_no_reason_and_one_is_always_left(windows: tuple[int | None, ...]) -> None:
    config = configuration(*(Model("p", str(place), context_window=size) for place, size in enumerate(windows)))
    kept = told(planned(config, request(200 * BYTES_A_TOKEN)))[0]
    assert kept == (["p/0", "p/1"] if None not in windows else ["p/1"])


def test_an_image_does_not_count_by_its_bytes() -> None:
    config = configuration(Model("p", "small", context_window=100), Model("p", "large", context_window=10_000))
    url = "data:image/png;base64," + "A" * 10_000
    asked = Request("openai_chat", "r", {})
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    asked.fields = {"messages": msgspec.Raw(msgspec.json.encode([{"role": "user", "content": parts}]))}
    assert told(planned(config, asked))[0] == ["p/small", "p/large"]


def test_what_can_do_it_but_is_down_makes_the_call_wait_and_not_wrong() -> None:
    config = configuration(
        Model("p", "sees", capabilities=frozenset({"vision"})), Model("q", "blind", capabilities=frozenset({"tools"}))
    )
    parts = [{"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}]
    asked = request()
    asked.fields["messages"] = msgspec.Raw(msgspec.json.encode([{"role": "user", "content": parts}]))
    assert told(planned(config, asked)) == (["p/sees"], [("q/blind", "capability missing: vision")])
    plan = planned(config, asked, Known({"p/sees": NOW + 20}))
    assert isinstance(plan.error, NoHealthyUpstream) and plan.error.retry_after == 20
    assert set(told(plan)[1]) == {("p/sees", "breaker open"), ("q/blind", "capability missing: vision")}


def test_a_surface_is_served_by_those_that_have_it() -> None:
    config = configuration(Model("p", "a"), Model("q", "b"), fallbacks=1)
    asked = Request("openai_chat", "r", {}, surface="rerank")

    def serving(*kinds: str) -> Plan:
        def serves(kind: str, surface: str) -> bool:
            return kind in kinds and surface == "rerank"

        return decide(config, CALLER, asked, now=NOW, random=lambda: 0.0, conditions=Calm(), serves=serves)

    assert told(serving("openai")) == (["p/a", "q/b"], [])
    nobody = serving()
    assert isinstance(nobody.error, InvalidRequest) and nobody.error.param == "model"
    assert told(nobody)[1] == [("p/a", "does not serve rerank"), ("q/b", "does not serve rerank")]


def test_the_plan_stands_in_the_trace() -> None:
    config = configuration(Model("p", "a"), Model("q", "b"), fallbacks=1)
    step = planned(config, request()).step
    assert (step.event, step.candidates) == ("plan", ("p/a", "q/b"))


def test_what_an_earlier_call_found_out_is_what_would_be_decided() -> None:
    config = configuration(Model("p", "a"))
    assert at_once(config, CALLER, request(), Calm()) is None
    plan = planned(config, request())
    assert at_once(config, CALLER, request(), Calm()) is plan is planned(config, request())
    assert at_once(config, CALLER, request(), Known()) is None  # there is trouble somewhere
    assert at_once(config, Caller("other", "key-b"), request(), Calm()) is None
    assert at_once(config, CALLER, Request("openai_chat", "r", {}, surface="rerank"), Calm()) is None


@pytest.mark.parametrize(
    "config",
    [
        configuration(Model("p", "a"), Model("q", "b")),
        configuration(Model("p", "a"), Model("q", "b"), fallbacks=1),
        configuration(Model("p", "a", capabilities=frozenset({"tools"}))),
        snapshot(
            [openai("p", "http://127.0.0.1:9")],
            [Model("p", "a")],
            [Route("r", (RouteTarget("p", "a", 1),), policy=RoutePolicy(affinity="session"))],
        ),
    ],
)
def test_what_depends_on_the_request_or_the_moment_is_decided_anew(config: Snapshot) -> None:
    assert planned(config, request()).candidates
    assert at_once(config, CALLER, request(), Calm()) is None
