"""The decision trace of a call on its page: a drawing of its attempts and waits over the time of the call, and a row of
a table for each step. The template draws; here is what and where, in percent of the call's time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from audit.call_trace import Shown

# Pixels: of an attempt or wait, of its bar, and of the axis below them.
ROW, BAR, AXIS = 42, 14, 22
LONGEST_LABEL: Final = 48  # characters of a model's name in the drawing; the table has it whole
MOST_TICKS: Final = 6
_THIN: Final = 0.4  # percent: what takes no time is seen all the same
# How an attempt ended, as it is drawn; whatever else there is has failed.
_LOOKS: Final = {"succeeded": "succeeded", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt or wait. `x`, `width`, `first_token_x` and `text_x` are in percent of the call's time, `top` is in
    pixels; `look` is succeeded, failed, cancelled or wait; `number` is the attempt's, 0 for a wait."""

    number: int
    label: str
    look: str
    x: str
    width: str
    top: int
    text_x: str
    anchor: str
    duration_ms: float | None
    first_token_ms: float | None
    first_token_x: str

    @property
    def text_y(self) -> int:
        return self.top + 12

    @property
    def bar_y(self) -> int:
        return self.top + 18

    @property
    def bar_end(self) -> int:
        return self.bar_y + BAR


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    ms: float


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: `name` says what it is, `told` what came of it, `step` has the figures."""

    name: str
    told: str
    cost: str
    step: Shown


@dataclass(frozen=True, slots=True)
class Picture:
    """`looks` are those of its bars, for the legend; `summary` says in words what a reader cannot see."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    looks: tuple[str, ...]
    summary: str

    @property
    def axis_y(self) -> int:
        return ROW * len(self.bars)

    @property
    def height(self) -> int:
        return self.axis_y + AXIS

    @property
    def has_first_token(self) -> bool:
        return any(bar.first_token_x for bar in self.bars)


def of(steps: Sequence[Shown], *, latency_ms: float) -> Picture | None:
    """`steps` as `audit.call_trace.shown` gives them; None where there are none."""
    if not steps:
        return None
    # A hedge ends before what it hedges, and is told of first.
    in_time = sorted(steps, key=lambda step: step["at_ms"])
    whole = max([latency_ms, *(_end(step) for step in in_time)]) or 1.0
    lines, bars, attempts = [], [], 0
    for step in in_time:
        attempts += _is_attempt(step)
        number = attempts if _is_attempt(step) else 0
        lines.append(
            Line(f"attempt {number}" if number else step["event"], _told(step), usd(step["cost_nano_usd"]), step)
        )
        if step["event"] in ("attempt", "wait"):
            bars.append(_bar(step, number, whole, top=ROW * len(bars)))
    return Picture(
        bars=tuple(bars),
        ticks=_ticks(whole),
        lines=tuple(lines),
        looks=tuple(dict.fromkeys(bar.look for bar in bars)),
        summary=_summary(in_time),
    )


def _line(step: Shown, number: int) -> Line:
    name = f"attempt {number}" if number else step["event"]
    return Line(name, _told(step), usd(step["cost_nano_usd"]), step)


def _bar(step: Shown, number: int, whole: float, *, top: int) -> Bar:
    start, end = step["at_ms"] / whole * 100, _end(step) / whole * 100
    width = max(end - start, _THIN)
    start = min(start, 100 - width)
    on_the_left = 100 - start >= start + width  # its text is where it has more room
    first_token = step["first_token_ms"]
    return Bar(
        number=number,
        label=_label(step),
        look="wait" if step["event"] == "wait" else _look(step),
        x=_percent(start),
        width=_percent(width),
        top=top,
        text_x=_percent(start if on_the_left else start + width),
        anchor="start" if on_the_left else "end",
        duration_ms=step["duration_ms"],
        first_token_ms=first_token,
        first_token_x="" if first_token is None else _percent((step["at_ms"] + first_token) / whole * 100),
    )


def _end(step: Shown) -> float:
    return step["at_ms"] + (step["duration_ms"] or 0.0)


def _look(step: Shown) -> str:
    return _LOOKS.get(step["outcome"], "failed")


def _label(step: Shown) -> str:
    if step["event"] == "wait":
        return f"waits: {words(step['reason'])}"
    name = step["model"] or "another provider"
    shortened = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
    return f"{shortened}, {words(step['outcome'])}"


def _told(step: Shown) -> str:
    """The strategy, why it was passed over (in the data plane's own words), how it ended, or what was waited for."""
    if step["event"] == "skipped":
        return step["reason"]
    if step["event"] == "plan":
        return f"strategy: {words(step['reason'])}" if step["reason"] else "the model that was asked for"
    if not _is_attempt(step):
        return words(step["reason"])
    phase = f" ({words(step['phase'])})" if step["phase"] else ""
    return f"{words(step['outcome'])}: {words(step['error'])}{phase}" if step["error"] else words(step["outcome"])


def words(name: str) -> str:
    """Of a name in the code: UpstreamTimeout is "upstream timeout", retry_after "retry after"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def _ticks(whole: float) -> tuple[Tick, ...]:
    """At round times, none so near to the end that its text would leave the drawing."""
    size = 1.0
    while whole / size > MOST_TICKS:
        size *= 10
    step = next(size / part for part in (5, 2, 1) if whole / (size / part) <= MOST_TICKS)
    times = (place * step for place in range(1, MOST_TICKS + 1))
    return tuple(Tick(_percent(at / whole * 100), at) for at in times if at <= whole * 0.95)


def _summary(steps: Sequence[Shown]) -> str:
    told = [f"{step['model'] or 'another provider'} {words(step['outcome'])}" for step in steps if _is_attempt(step)]
    return "; ".join(told) or "nothing was asked"


def _is_attempt(step: Shown) -> bool:
    return step["event"] == "attempt"


def _percent(value: float) -> str:
    return f"{min(max(value, 0.0), 100.0):.2f}%"


def usd(nano: Any) -> str:
    """1234000 is "0.001234 USD"; "" for None."""
    if nano is None:
        return ""
    whole, rest = divmod(nano, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".") + " USD"
