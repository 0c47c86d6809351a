"""The whole list, played in one setting or in several at once, and what is expected of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from tests.llm.failover.pace import QUICK, SLOW, Pace
from tests.llm.failover.scenario import Scenario, Verdict, Word, judge
from tests.llm.failover.sixteen import SAFE_WITHOUT_GUARD, SIXTEEN
from tests.llm.failover.stage import Setting, play

Verdicts = Mapping[int, Verdict]


def scenarios(setting: Setting) -> list[Scenario]:
    return [one for one in SIXTEEN if setting.stream or one.whole]


def expected(scenario: Scenario, setting: Setting) -> Word:
    """Without a guard nothing can follow what has left of a stream. All else is well."""
    told = setting.stream and setting.guard == "no guard" and scenario.number in SAFE_WITHOUT_GUARD
    return "safe" if told else "passed"


async def verdicts(setting: Setting, pace: Pace) -> Verdicts:
    """The longest ones beside the others, which come one after another: so that a busy machine stays in time."""
    found: dict[int, Verdict] = {}

    async def judged(one: Scenario) -> None:
        found[one.number] = judge(one, await play(one, setting, pace))

    async def in_turn(several: Sequence[Scenario]) -> None:
        for one in several:
            await judged(one)

    todo = scenarios(setting)
    long = [one for one in todo if one.calls > 1]
    await asyncio.gather(in_turn([one for one in todo if one.calls == 1]), *map(judged, long))
    return found


class Lists:
    """Verdicts by setting, each worked out once. At the list's own pace all settings are played at once: they wait."""

    def __init__(self, settings: Sequence[Setting], *, slow: bool, together: int = 5) -> None:
        self._pace = SLOW if slow else QUICK
        size = len(settings) if slow else together
        self._batches = [settings[at : at + size] for at in range(0, len(settings), size)]
        self._found: dict[Setting, Verdicts] = {}

    async def of(self, setting: Setting) -> Verdicts:
        if setting not in self._found:
            batch = next(batch for batch in self._batches if setting in batch)
            played = await asyncio.gather(*(verdicts(one, self._pace) for one in batch))
            self._found.update(zip(batch, played, strict=True))
        return self._found[setting]


def complaints(found: Verdicts, setting: Setting) -> str:
    """The whole list for people where any line of it is not as expected; else an empty text."""
    wanted = {one.number: expected(one, setting) for one in scenarios(setting)}
    if {number: verdict.word for number, verdict in found.items()} == wanted:
        return ""
    names = {one.number: one.name for one in SIXTEEN}
    lines = [
        f"{'  ' if one.word == wanted[number] else '->'} {number:2} {names[number]:32} {one.word:8} {one.why}"
        for number, one in sorted(found.items())
    ]
    return "\n".join([f"\n{setting}:", *lines])
