"""One list of scenarios for every kind of provider, with callers of every dialect, over real sockets.

A new kind is a row in `rows.py`; what it cannot do stands there with a reason.
"""

from __future__ import annotations

import inspect

import pytest

from llm.adapters import KINDS, kinds
from llm.spec import Dialect
from tests.contract import asking, failing, streaming
from tests.contract.bench import WORDS, open_bench
from tests.contract.listing import SCENARIOS, Scenario
from tests.contract.rows import ROWS, Row
from tests.support.transports import KINDS as KINDS_OF_TRANSPORT

MODULES = (asking, streaming, failing)


def cases() -> list[object]:
    return [
        pytest.param(scenario, row, caller, transport, id=f"{row.kind}-{caller}-{scenario.name}-{transport}")
        for row in ROWS
        for transport in (KINDS_OF_TRANSPORT if row.needs_upstream else KINDS_OF_TRANSPORT[:1])
        for caller in WORDS
        for scenario in SCENARIOS
        if scenario.name not in row.cannot and scenario.way in ("both", "same" if caller == row.dialect else "across")
    ]


@pytest.mark.parametrize(("scenario", "row", "caller", "transport"), cases())
async def test_a_kind_keeps_the_contract(scenario: Scenario, row: Row, caller: Dialect, transport: str) -> None:
    async with open_bench(row, caller, transport) as bench:
        await scenario.run(bench)
        assert bench.upstream.unused == 0


def test_every_kind_is_under_contract() -> None:
    assert sorted(row.kind for row in ROWS) == sorted(KINDS)
    assert {row.kind: row.dialect for row in ROWS} == {name: kind.dialect for name, kind in kinds.BY_NAME.items()}


def test_every_exception_names_a_scenario_and_a_reason() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))
    for row in ROWS:
        assert set(row.cannot) <= set(names)
        assert all(reason for reason in row.cannot.values())


def test_every_scenario_is_in_the_list() -> None:
    written = {
        name
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and list(inspect.signature(function).parameters) == ["bench"]
    }
    assert written == {scenario.name for scenario in SCENARIOS}
