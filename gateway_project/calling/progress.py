"""How far a batch is: a line that changes on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway_project.calling.one import Screen
from llm_gateway_client import LLMResponse

_EVERY_SECONDS: Final = {True: 0.1, False: 10.0}  # by `live`
_CLEAR: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """`total` are the lines of the batch, `kept` those that were answered before. `live`: the line changes."""

    screen: Screen
    total: int
    kept: int = 0
    live: bool = False
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    failed: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    _shown_at: float = field(default=float("-inf"))

    def add(self, response: LLMResponse) -> None:
        """Counts it, and shows how far the batch is."""
        self.done += 1
        self.failed += response.error_details is not None
        usage = response.usage
        self.tokens += usage.total_tokens if usage else 0
        if usage and usage.cost_usd is not None:
            self.cost_usd += usage.cost_usd
        else:
            self.unpriced += response.error_details is None
        now = self.clock()
        if now - self._shown_at >= _EVERY_SECONDS[self.live]:
            self._shown_at = now
            self._show(end="" if self.live else "\n")

    def end(self) -> None:
        self._show(end="\n")

    def line(self) -> str:
        """`7 of 10 done (3 earlier), 1 failed, 1,204 tokens, $0.0021`"""
        earlier = f" ({self.kept:,} earlier)" if self.kept else ""
        cost = f"${self.cost_usd:.4f}" if self.cost_usd or not self.unpriced else "no price known"
        more = " and more" if self.cost_usd and self.unpriced else ""  # models without a price are among them
        done = f"{self.done + self.kept:,} of {self.total:,} done{earlier}"
        return f"{done}, {self.failed:,} failed, {self.tokens:,} tokens, {cost}{more}"

    def _show(self, *, end: str) -> None:
        start = _CLEAR if self.live else ""
        self.screen.write(f"{start}{self.line()}{end}")
        self.screen.flush()
