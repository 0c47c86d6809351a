"""One attempt of a call: told to the metrics, the board and the trace when it is over, once."""

from __future__ import annotations

from typing import Final

import msgspec

from llm import prices
from llm.errors import GatewayError, UpstreamError, UpstreamTimeout
from llm.observe import metrics
from llm.observe.record import TOKEN_KINDS
from llm.observe.trace import MOST_TOKENS, TraceStep
from llm.policies.board import Board
from llm.policies.retry import Step
from llm.spec import Usage

NO_USAGE: Final = Usage()
"""Of an attempt that has used nothing yet; shared, so it is never changed."""


class Attempt:
    """`began` in seconds since the call began; `own_time`: does the provider's own limit of the total time hold, and
    not what the call has left? `held_up`: did its caller take most of the time? `left_out` are the request's fields
    that this model has no use for; `usage` is what it has used so far."""

    __slots__ = (
        "_board",
        "_first_token",
        "_step",
        "_when",
        "began",
        "candidate",
        "held_up",
        "left_out",
        "own_time",
        "role",
        "trace",
        "usage",
    )

    def __init__(self, step: Step, began: float, when: float, board: Board, trace: list[TraceStep]) -> None:
        self.candidate = step.candidate
        self.role: str = step.role
        self.began = began
        self.own_time = True
        self.held_up = False
        self.left_out: tuple[str, ...] = ()
        self.usage = NO_USAGE
        self.trace: list[TraceStep] | None = trace
        self._step = step  # by which the board knows this attempt from others with the same candidate
        self._when = when
        self._board = board
        self._first_token: float | None = None
        board.began(step.candidate)

    def first_token(self, at: float) -> None:
        if self._first_token is None:
            self._first_token = at - self.began
            self._board.answering(self.candidate, self._step)

    def first_token_at(self) -> float | None:
        """Seconds since the call began."""
        return None if self._first_token is None else self.began + self._first_token

    def end(self, error: BaseException | None, *, at: float) -> int | None:
        """`at`: seconds since the call began. What it cost, in nano-USD; None where that is not known."""
        trace, self.trace = self.trace, None
        if trace is None:
            return None
        candidate, began, first = self.candidate, self.began, self._first_token
        took = at - began
        if error is None:
            # A whole answer counts with all its time: nobody knows when its first token was there.
            self._board.succeeded(candidate, self._step, first_token=took if first is None else first)
            outcome: metrics.Outcome = "succeeded"
        else:
            self._tell(error)
            outcome = metrics.outcome(error)
        metrics.attempted(candidate.provider_id, candidate.model_id, outcome)
        usage = self.usage
        tokens = usage.input_tokens + usage.output_tokens + usage.cached_tokens
        if tokens + usage.cache_write_tokens + usage.reasoning_tokens > MOST_TOKENS:
            usage = self.usage = _bounded(usage)
        rates = candidate.model.prices
        cost = prices.cost_of(rates, usage, when=self._when, succeeded=error is None) if rates else None
        step = TraceStep(
            "attempt",
            round(began * 1e6) / 1000,  # to the microsecond: `round` with a number of digits costs three times as much
            round(took * 1e6) / 1000,
            candidate.name,
            candidate.key_id,
            self.role,
            outcome=outcome,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_nano_usd=cost,
        )
        if first is not None:
            step.first_token_ms = round(first * 1e6) / 1000
        if error is not None:
            _explain(step, error)
        trace.append(step)
        return cost

    def _tell(self, error: BaseException) -> None:
        if isinstance(error, UpstreamError) and not self.held_up and not self._is_out_of_time(error):
            self._board.failed(self.candidate, error, self._step)
        else:
            self._board.left(self.candidate, self._step)

    def _is_out_of_time(self, error: UpstreamError) -> bool:
        """The call had less time than its provider may take: that says nothing of the provider."""
        return not self.own_time and isinstance(error, UpstreamTimeout) and error.phase == "total"


def _bounded(usage: Usage) -> Usage:
    """Whatever a provider says: with MOST_TOKENS of a kind at most, so that no sum of calls overflows."""
    return msgspec.structs.replace(usage, **{kind: min(getattr(usage, kind), MOST_TOKENS) for kind in TOKEN_KINDS})


def _explain(step: TraceStep, error: BaseException) -> None:
    step.error = type(error).__name__
    if isinstance(error, UpstreamTimeout):
        step.phase = error.phase
    if isinstance(error, GatewayError):
        step.retry_after_seconds = error.retry_after
