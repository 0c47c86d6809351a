"""The decision trace of a call (`llm.observe.trace`): as it is stored in the call's row, and as it is shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from llm.observe import trace
from llm.observe.trace import TraceStep

Shown = dict[str, Any]
# What a step says that was not stored, in the order of TraceStep.
ABSENT: Final[Shown] = {
    field.name: None if field.default is msgspec.NODEFAULT else field.default
    for field in msgspec.structs.fields(TraceStep)
}
# All that is told of a step at a provider which the reader may not see: the time of the call adds up with it.
_OF_OTHERS: Final = ("event", "at_ms", "duration_ms", "outcome")
_encode: Final = msgspec.json.Encoder().encode


def stored(steps: Sequence[TraceStep]) -> str:
    """For the JSON column: each step without what it says nothing of. Null stands for a number that is none."""
    if len(steps) > trace.MOST_STEPS:
        steps = trace.tamed(steps)
    text = _encode(steps).decode()
    # PostgreSQL stores no NUL in JSON; a model's name may hold one where a caller made it up.
    return json.dumps(_clean(json.loads(text))) if "\\u0000" in text else text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [*map(_clean, value)]
    return {name: _clean(each) for name, each in value.items()} if isinstance(value, dict) else value


def shown(steps: Sequence[Shown], *, seen: Collection[str] | None) -> list[Shown]:
    """Each step with all fields of TraceStep, whatever version stored it. `seen` are the providers that the reader may
    see (None: all): a model of another one is not named."""
    named = [_whole(step) for step in steps]
    return named if seen is None else [_narrowed(step, seen) for step in named if _is_theirs(step, seen)]


def _whole(step: Shown) -> Shown:
    return {name: absent if (value := step.get(name)) is None else value for name, absent in ABSENT.items()}


def _is_theirs(step: Shown, seen: Collection[str]) -> bool:
    return step["event"] != "skipped" or _provider(step["model"]) in seen


def _narrowed(step: Shown, seen: Collection[str]) -> Shown:
    step["candidates"] = [name for name in step["candidates"] if _provider(name) in seen]
    if not step["model"] or _provider(step["model"]) in seen:
        return step
    return {**ABSENT, **{name: step[name] for name in _OF_OTHERS}}


def _provider(model: str) -> str:
    return model.partition("/")[0]
