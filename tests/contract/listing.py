"""The list of scenarios: each module adds its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from tests.contract.bench import Bench

Way = Literal["both", "same", "across"]
Run = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """`way`: with a caller of the provider's own dialect, of another one, or with both."""

    name: str
    run: Run
    way: Way


SCENARIOS: list[Scenario] = []


def scenario(way: Way = "both") -> Callable[[Run], Run]:
    def add(run: Run) -> Run:
        SCENARIOS.append(Scenario(run.__name__, run, way))
        return run

    return add
