"""One call under way: what has become known of it, and its one record."""

from __future__ import annotations

import asyncio
import logging

from llm.errors import CallCancelled, GatewayError, InternalError, RecordNotWritten
from llm.observe import log, metrics
from llm.observe.record import CallRecord, Sink, Status
from llm.observe.trace import TraceStep
from llm.policies.board import Board
from llm.policies.plan import Plan
from llm.policies.retry import Step
from llm.service.attempt import Attempt
from llm.service.call import Call
from llm.service.clock import Clock
from llm.service.meter import Meter
from llm.snapshot import Caller
from llm.spec import Request, Usage

logger = logging.getLogger(__name__)


class Turn:
    """Filled step by step by the Gateway; `settle` writes the record, once."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self.call = call
        self.info = call.info
        self.meter = Meter()
        self.caller: Caller | None = None
        self.request: Request | None = None
        self.route = ""
        self.provider_key = ""
        self.attempt: Attempt | None = None  # the latest one
        self.trace: list[TraceStep] = []
        self.answering = False  # the answer's head is out: its status is 200 whatever comes
        self.settled = False
        self._clock = clock
        self._began = clock.monotonic()
        self._created_at = clock.now()
        self._ending: tuple[Status, int, str] = ("failed", 500, InternalError.code)
        self._error: BaseException | None = None
        self._spent: int | None = None  # by failed attempts, in nano-USD
        metrics.started(call.endpoint)

    @property
    def created_at(self) -> float:
        """Seconds since 1970."""
        return self._created_at

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

    @property
    def usage(self) -> Usage:
        """Of the latest attempt."""
        return self.attempt.usage if self.attempt else Usage()

    @usage.setter
    def usage(self, usage: Usage) -> None:
        if self.attempt is not None:
            self.attempt.usage = usage

    @property
    def left_out(self) -> tuple[str, ...]:
        """Of the request, for the model of the latest attempt."""
        return self.attempt.left_out if self.attempt else ()

    def planned(self, plan: Plan) -> None:
        self.route = plan.route
        self.trace.append(plan.step)
        for one in plan.skipped:
            self.trace.append(
                TraceStep(event="skipped", model=one.model, key=one.key, role=one.role, reason=one.reason)
            )

    def passed_over(self, step: Step, reason: str) -> None:
        candidate = step.candidate
        key = candidate.key.key_id if candidate.key else ""
        at_ms = round(self.elapsed * 1000, 3)
        skipped = TraceStep(event="skipped", at_ms=at_ms, model=candidate.name, key=key, role=step.role, reason=reason)
        self.trace.append(skipped)

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
        attempt = Attempt(step, began=self.elapsed, when=self._created_at, board=board, trace=self.trace)
        self.info.attempts += 1
        self.follow(attempt)
        return attempt

    def follow(self, attempt: Attempt) -> None:
        candidate = attempt.candidate
        self.attempt = attempt
        self.info.provider = candidate.upstream.provider_id
        self.info.model = candidate.model_id
        self.provider_key = candidate.key.key_id if candidate.key else ""

    def attempt_failed(self, attempt: Attempt, error: BaseException) -> None:
        spent = attempt.end(error, at=self.elapsed)
        if spent is not None:
            self._spent = (self._spent or 0) + spent

    def measure(self) -> None:
        self._measure(self.elapsed)

    def _measure(self, elapsed: float) -> None:
        self.info.latency_ms = round(elapsed * 1000, 3)
        self.info.overhead_ms = round(max(0.0, elapsed - self.meter.waited) * 1000, 3)

    def succeed(self, usage: Usage) -> None:
        self.usage = usage
        self._ending = ("succeeded", 200, "")
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
            self._ending = ("failed", InternalError.status, InternalError.code)
        if self.answering and self._ending[0] == "failed":
            self._ending = ("failed", 200, self._ending[2])

    def settle(self, sink: Sink) -> None:
        """Writes the record, the first time that it is called. Raises RecordNotWritten: then nothing may be
        acknowledged, unless the caller has left anyway."""
        if self.settled:
            return
        self.settled = True
        elapsed = self.elapsed  # once: no attempt ends after its call
        self._conclude(elapsed)
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
            log.access(record)
            metrics.settled(record)

    def _conclude(self, elapsed: float) -> None:
        """The last attempt is over as its call is, and all attempts are paid for."""
        attempt, spent = self.attempt, self._spent
        if attempt is not None and not attempt.over:
            cost = attempt.end(self._error, at=elapsed)
            if cost is not None:
                spent = cost + (spent or 0)
        self.info.cost_nano_usd = spent

    def record(self) -> CallRecord:
        status, http_status, error_code = self._ending
        caller, usage, info = self.caller, self.usage, self.info
        first_token = self.attempt.first_token_at if self.attempt else None
        return CallRecord(
            call_id=self.call.call_id,
            request_id=self.call.request_id,
            created_at=self._created_at,
            endpoint=self.call.endpoint,
            status=status,
            http_status=http_status,
            error_code=error_code,
            project=caller.project if caller else "",
            key=(caller.key_id or "") if caller else "",
            end_user=self.call.end_user,
            tags={**(caller.tags if caller else {}), **self.call.tags},
            requested_model=self.request.model if self.request else "",
            provider=info.provider,
            model=info.model,
            provider_key=self.provider_key,
            route=self.route,
            revision=info.revision,
            attempts=info.attempts,
            stream=self.request.stream if self.request else False,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            usage_estimated=usage.estimated,
            cost_nano_usd=info.cost_nano_usd,
            latency_ms=info.latency_ms,
            time_to_first_token_ms=None if first_token is None else round(first_token * 1000, 3),
            overhead_ms=info.overhead_ms,
            trace=self.trace,
        )
