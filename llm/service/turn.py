"""One call under way: what has become known of it, and its one record."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from llm.errors import CallCancelled, GatewayError, InternalError, RecordNotWritten
from llm.observe import log, metrics
from llm.observe.record import CallRecord, Sink, Status
from llm.observe.trace import TraceStep
from llm.policies.board import Board
from llm.policies.plan import Plan
from llm.policies.retry import Step
from llm.service.attempt import NO_USAGE, Attempt
from llm.service.call import Call
from llm.service.clock import Clock
from llm.service.meter import Meter
from llm.snapshot import Caller
from llm.spec import Request, Usage

logger = logging.getLogger(__name__)

_SUCCEEDED: Final[tuple[Status, int, str]] = ("succeeded", 200, "")
_DEFECT: Final[tuple[Status, int, str]] = ("failed", InternalError.status, InternalError.code)


class Turn:
    """Filled step by step by the Gateway; `settle` writes the record, once. `created_at` in seconds since 1970.

    Its meter is a thing of its own: the context in which a call was made may keep it for long."""

    __slots__ = (
        "_began",
        "_clock",
        "_ending",
        "_error",
        "_spent",
        "answering",
        "attempt",
        "call",
        "caller",
        "created_at",
        "info",
        "meter",
        "request",
        "route",
        "settled",
        "trace",
    )

    def __init__(self, call: Call, clock: Clock) -> None:
        self.call = call
        self.info = call.info
        self.meter = Meter()
        self.caller: Caller | None = None
        self.request: Request | None = None
        self.route = ""
        self.attempt: Attempt | None = None  # the latest one
        self.trace: list[TraceStep] = []
        self.answering = False  # the answer's head is out: its status is 200 whatever comes
        self.settled = False
        self._clock = clock
        self._began = clock.monotonic()
        self.created_at = clock.now()
        self._ending: tuple[Status, int, str] = _DEFECT
        self._error: BaseException | None = None
        self._spent: int | None = None  # by failed attempts, in nano-USD
        metrics.started(call.endpoint)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

    @property
    def usage(self) -> Usage:
        """Of the latest attempt."""
        return self.attempt.usage if self.attempt is not None else NO_USAGE

    @usage.setter
    def usage(self, usage: Usage) -> None:
        if self.attempt is not None:
            self.attempt.usage = usage

    def planned(self, plan: Plan) -> None:
        self.route = plan.route
        self.trace.append(plan.step)
        if plan.skipped:
            self.trace += [
                TraceStep(event="skipped", model=one.model, key=one.key, role=one.role, reason=one.reason)
                for one in plan.skipped
            ]

    def passed_over(self, step: Step, reason: str) -> None:
        candidate = step.candidate
        self.trace.append(
            TraceStep(
                event="skipped",
                at_ms=round(self.elapsed * 1000, 3),
                model=candidate.name,
                key=candidate.key_id,
                role=step.role,
                reason=reason,
            )
        )

    async def wait(self, step: Step) -> None:
        self.trace.append(
            TraceStep(
                event="wait",
                at_ms=round(self.elapsed * 1000, 3),
                duration_ms=round(step.delay * 1000, 3),
                model=step.candidate.name,
                reason=step.why,
            )
        )
        self.meter.waited += step.delay
        await self._clock.sleep(step.delay)

    def begin(self, step: Step, board: Board) -> Attempt:
        """An attempt begins: the call's trail is its from now on."""
        began = self._clock.monotonic() - self._began
        attempt = Attempt(step, began, self.created_at, board, self.trace)
        self.info.attempts += 1
        self.follow(attempt)
        return attempt

    def follow(self, attempt: Attempt) -> None:
        candidate = attempt.candidate
        self.attempt = attempt
        self.info.provider = candidate.provider_id
        self.info.model = candidate.model_id

    def attempt_failed(self, attempt: Attempt, error: BaseException) -> None:
        spent = attempt.end(error, at=self.elapsed)
        if spent is not None:
            self._spent = (self._spent or 0) + spent

    def measure(self) -> None:
        self._measure(self.elapsed)

    def _measure(self, elapsed: float) -> None:
        """To the microsecond: `round` with a number of digits costs three times as much."""
        own = elapsed - self.meter.waited
        self.info.latency_ms = round(elapsed * 1e6) / 1000
        self.info.overhead_ms = round(own * 1e6) / 1000 if own > 0 else 0.0

    def succeed(self, usage: Usage) -> None:
        self.usage = usage
        self._ending = _SUCCEEDED
        self._error = None

    def fail(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            error = self.call.interrupted()
        self._error = error
        if isinstance(error, GeneratorExit | CallCancelled):
            self._ending = ("cancelled", CallCancelled.status, CallCancelled.code)
        elif isinstance(error, GatewayError):
            anthropic = self.call.endpoint == "messages"
            self._ending = ("failed", error.anthropic_status if anthropic else error.status, error.code)
        else:
            self._ending = _DEFECT
        if self.answering and self._ending[0] == "failed":
            self._ending = ("failed", 200, self._ending[2])

    def settle(self, sink: Sink) -> None:
        """Writes the record, the first time that it is called. Raises RecordNotWritten: then nothing may be
        acknowledged, unless the caller has left anyway."""
        if self.settled:
            return
        self.settled = True
        elapsed = self._clock.monotonic() - self._began  # once: no attempt ends after its call
        cost = None if self.attempt is None else self.attempt.end(self._error, at=elapsed)
        self.info.cost_nano_usd = self._spent if cost is None else cost + (self._spent or 0)
        self._measure(elapsed)
        record = self.record()
        try:
            sink.write(record)
        except RecordNotWritten as error:
            logger.critical("a call could not be recorded", extra={"call_id": self.call.call_id})
            if record.status != "cancelled":
                self.fail(error)
                record = self.record()
                raise
        finally:
            self._error = None  # by its traceback it holds this turn
            log.access(record)
            metrics.settled(record)

    def record(self) -> CallRecord:
        """By position, in the order of its fields: thirty names would cost as much as all the rest of it."""
        call, info, caller, request, attempt = self.call, self.info, self.caller, self.request, self.attempt
        usage = NO_USAGE if attempt is None else attempt.usage
        first_token = None if attempt is None else attempt.first_token_at()
        status, http_status, error_code = self._ending
        project, key, tags = ("", "", None) if caller is None else (caller.project, caller.key_id or "", caller.tags)
        return CallRecord(
            call.call_id,
            call.request_id,
            self.created_at,
            call.endpoint,
            status,
            http_status,
            error_code,
            project,
            key,
            call.end_user,
            {**tags, **call.tags} if tags else {**call.tags},
            "" if request is None else request.model,
            info.provider,
            info.model,
            "" if attempt is None else attempt.candidate.key_id,
            self.route,
            info.revision,
            info.attempts,
            False if request is None else request.stream,
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
            usage.estimated,
            info.cost_nano_usd,
            info.latency_ms,
            None if first_token is None else round(first_token * 1e6) / 1000,
            info.overhead_ms,
            self.trace,
        )
