"""What the providers of a scenario do: a fault of a stream, and the same of a whole answer where it is one."""

from __future__ import annotations

from tests.llm.failover.answer import WHOLE
from tests.llm.failover.scenario import Act
from tests.support import upstream_faults as faults
from tests.support.upstream_behaviours import Behaviour, reply
from tests.support.upstream_wire import Exchange

_healthy = reply(WHOLE)


def answers(number: int, at: float) -> Behaviour:
    return _healthy


def wants_the_whole_question(number: int, at: float) -> Behaviour:
    return faults.refuses_prefill(_healthy)


def throughout(fault: Behaviour) -> Act:
    return lambda number, at: fault


def at_first(fault: Behaviour) -> Act:
    """Once, then well."""
    return lambda number, at: fault if number == 1 else _healthy


def is_down(seconds: float) -> Act:
    return lambda number, at: faults.server_error(503) if at < seconds else _healthy


def sends_late(seconds: float) -> Behaviour:
    return _either(faults.late_first_token(seconds, WHOLE), faults.late(seconds, _healthy))


def breaks_off(tokens: int, *, how: str = "close") -> Behaviour:
    async def streamed(exchange: Exchange) -> None:
        await faults.cut(_events(exchange, tokens), how=how, value=WHOLE)(exchange)

    return _either(streamed, faults.cut_body())


def stalls(tokens: int) -> Behaviour:
    async def streamed(exchange: Exchange) -> None:
        await faults.stall(_events(exchange, tokens), value=WHOLE)(exchange)

    return _either(streamed, faults.stalled_body())


def garbles(tokens: int) -> Behaviour:
    async def streamed(exchange: Exchange) -> None:
        await faults.garbled(_events(exchange, tokens), value=WHOLE)(exchange)

    return _either(streamed, faults.invalid_json())


def _events(exchange: Exchange, tokens: int) -> int:
    return faults.LEADING[exchange.request.dialect] + tokens


def _either(streamed: Behaviour, whole: Behaviour) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await (streamed if exchange.request.stream else whole)(exchange)

    return behave
