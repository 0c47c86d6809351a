"""Where a scenario plays: a caller, the gateway behind its door, two fake providers; sockets between them all."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from llm import adapters
from llm.adapters.answer_stream import Patience
from llm.adapters.http_adapter import HttpAdapter
from llm.policies.board import Board
from llm.snapshot import Model, Route, RoutePolicy, RouteTarget, Snapshot, StreamGuard
from llm.spec import Connection, Timeouts, TransportName
from llm.transport.base import Transport
from tests.llm.failover import prices
from tests.llm.failover.acts import answers
from tests.llm.failover.callers import CALLERS
from tests.llm.failover.heard import Heard
from tests.llm.failover.pace import Pace
from tests.llm.failover.scenario import Act, Scenario, Seen
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import snapshot, upstream
from tests.support.upstream import FakeUpstream
from tests.support.upstream_wire import Exchange

GUARDS: Final[dict[str, StreamGuard | None]] = {
    "no guard": None,
    "200 characters": StreamGuard(200),
    "until finish": StreamGuard(None),
}
FIRST_TOKEN: Final = 10.0
"""What the route says of the first token: by default it may take 30 s. All else is the default of routes and
providers."""
_KINDS: Final = ("openai", "anthropic")


@dataclass(frozen=True)
class Setting:
    """One way to run the list. The primary speaks the caller's dialect, the fallback the other one."""

    transport: TransportName = "lean"
    guard: str = "no guard"
    caller: str = "chat"
    stream: bool = True

    def __str__(self) -> str:
        return f"{self.caller}, {'streamed' if self.stream else 'whole'}, {self.transport}, {self.guard}"


class Provider:
    """`calls`: when it was asked, in seconds since `began`."""

    def __init__(self, pace: Pace, act: Act) -> None:
        self.calls: list[float] = []
        self.refused_prefills = 0
        self.act = act
        self.server = FakeUpstream(time_scale=pace.scale)
        self.server.default = self._behave
        self._pace = pace
        self._began = pace.now()

    async def _behave(self, exchange: Exchange) -> None:
        at = self._pace.now() - self._began
        self.calls.append(at)
        messages = exchange.request.json["messages"]
        assert isinstance(messages, list)
        self.refused_prefills += messages[-1]["role"] == "assistant"
        await self.act(len(self.calls), at)(exchange)


class Stage:
    """`async with Stage(setting, pace, primary, spare) as stage:` then `await stage.ask()` and look at `stage.seen`.
    `spare` None: there is no fallback. `policy`: what the route says otherwise; `window`: the fallback's, in tokens."""

    def __init__(
        self,
        setting: Setting,
        pace: Pace,
        primary: Act,
        spare: Act | None,
        *,
        policy: dict[str, Any] | None = None,
        window: int = 200_000,
    ) -> None:
        self.setting, self.pace = setting, pace
        self._alone, self._window = spare is None, window
        self.primary, self.spare = Provider(pace, primary), Provider(pace, spare or answers)
        self.seen = Seen(primary=self.primary.calls, spare=self.spare.calls, slack=pace.slack)
        self._policy = policy or {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        for provider in (self.primary, self.spare):
            await self._open.enter_async_context(provider.server)
        clock = self.pace.clock()
        board = Board(now=clock.now)
        self.door = Serving(self._snapshot(), clock=clock, board=board, adapter_of=self._adapter)
        await self._open.enter_async_context(self.door)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._open.__aexit__(*exc)

    async def ask(self, *, bound: float = 45.0) -> Heard:
        """One call; `bound` as in Scenario."""
        heard = await self._asked(bound)
        self.seen.heard.append(heard)
        return heard

    async def _asked(self, bound: float) -> Heard:
        heard, began = Heard(), self.pace.now()
        try:
            async with asyncio.timeout(self.pace.real(bound + self.pace.slack)):
                await CALLERS[self.setting.caller](self.door, "fast", self.setting.stream, heard)
        except TimeoutError:
            heard.hung = True
        heard.seconds = self.pace.now() - began
        return heard

    async def finish(self) -> Seen:
        """Keeps what is to be judged, then asks whether the gateway still serves."""
        seen = self.seen
        await asyncio.to_thread(self.door.memory.wait, len(seen.heard))
        seen.records = list(self.door.memory.records)
        seen.refused_prefills = self.spare.refused_prefills
        seen.primary, seen.spare = list(seen.primary), list(seen.spare)
        self.primary.act = self.spare.act = answers
        seen.alive = (await self._asked(45.0)).whole
        return seen

    def _snapshot(self) -> Snapshot:
        own, other = _KINDS if self.setting.caller != "messages" else _KINDS[::-1]
        upstreams = [self._upstream("primary", own, self.primary), self._upstream("spare", other, self.spare)]
        models = [
            Model("primary", "one", context_window=8192, max_tokens=4096, prices=(prices.PRIMARY,)),
            Model("spare", "two", context_window=self._window, max_tokens=4096, prices=(prices.SPARE,)),
        ]
        told = {
            "first_token_timeout_seconds": self.pace.real(FIRST_TOKEN),
            "stream_guard": GUARDS[self.setting.guard],
            **self._policy,
        }
        policy = RoutePolicy(**told)
        fallbacks = () if self._alone else (RouteTarget("spare", "two"),)
        route = Route("fast", (RouteTarget("primary", "one"),), fallbacks, policy=policy)
        return snapshot(upstreams, models, [route])

    def _upstream(self, name: str, kind: str, provider: Provider) -> Any:
        """`total` is not scaled: of a call's budget the gateway's clock is the judge."""
        own = Timeouts()
        return upstream(
            name,
            kind,
            f"{provider.server.url}/v1" if kind == "openai" else provider.server.url,
            timeouts=Timeouts(own.connect, self.pace.real(own.first_byte), self.pace.real(own.idle), own.total),
            connection=Connection(allow_private=True, transport=self.setting.transport),
        )

    def _adapter(self, kind: str, transport: Transport) -> Any:
        """With the patience of the pace."""
        made: Any = type(adapters.adapter(kind, transport))
        assert issubclass(made, HttpAdapter)
        own = Patience()
        return made(transport, patience=Patience(self.pace.real(own.finish), self.pace.real(own.drain)))


async def play(scenario: Scenario, setting: Setting, pace: Pace, *, policy: dict[str, Any] | None = None) -> Seen:
    async with Stage(setting, pace, scenario.primary, scenario.spare, policy=policy) as stage:
        began = pace.now()
        for number in range(scenario.calls):
            await pace.sleep(max(0.0, began + number * scenario.every - pace.now()))
            await stage.ask(bound=scenario.bound)
        return await stage.finish()
