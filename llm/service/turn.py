"""One call under way: what has become known of it, and its one record."""

from __future__ import annotations

import asyncio
import logging

from llm import prices
from llm.errors import CallCancelled, GatewayError, InternalError, RecordNotWritten
from llm.observe import log, metrics
from llm.observe.record import CallRecord, Sink, Status
from llm.policies.retry import Step
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
        self.usage = Usage()
        self.caller: Caller | None = None
        self.request: Request | None = None
        self.route = ""
        self.provider_key = ""
        self.prices: tuple[prices.Price, ...] = ()  # of the model of the latest attempt
        self.left_out: tuple[str, ...] = ()  # of the request, for the model of the latest attempt
        self.answering = False  # the answer's head is out: its status is 200 whatever comes
        self.settled = False
        self._clock = clock
        self._began = clock.monotonic()
        self._created_at = clock.now()
        self._first_byte: float | None = None
        self._ending: tuple[Status, int, str] = ("failed", 500, InternalError.code)
        self._attempting = False
        self._outcome: metrics.Outcome = "defect"
        metrics.started(call.endpoint)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._began

    def attempt(self, step: Step) -> None:
        self.info.provider = step.candidate.upstream.provider_id
        self.info.model = step.candidate.model_id
        self.prices = step.candidate.model.prices
        self.provider_key = step.candidate.key.key_id if step.candidate.key else ""
        self.info.attempts += 1
        self._attempting = True

    def attempt_failed(self, error: GatewayError) -> None:
        self._attempt_over(metrics.outcome(error))

    def first_byte(self) -> None:
        """The first piece of a stream has come."""
        self._first_byte = self._first_byte or self.elapsed

    def measure(self) -> None:
        elapsed = self.elapsed
        self.info.latency_ms = round(elapsed * 1000, 3)
        self.info.overhead_ms = round(max(0.0, elapsed - self.meter.waited) * 1000, 3)

    def succeed(self, usage: Usage) -> None:
        self.usage = usage
        self._ending = ("succeeded", 200, "")
        self._outcome = "succeeded"

    def fail(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            error = self.call.interrupted()
        self._outcome = metrics.outcome(error)
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
        self.measure()
        self._attempt_over(self._outcome)
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

    def _attempt_over(self, outcome: metrics.Outcome) -> None:
        if self._attempting:
            self._attempting = False
            metrics.attempted(self.info.provider, self.info.model, outcome)

    def record(self) -> CallRecord:
        status, http_status, error_code = self._ending
        caller, usage, info = self.caller, self.usage, self.info
        info.cost_nano_usd = prices.cost_of(self.prices, usage, when=self._created_at, succeeded=status == "succeeded")
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
            time_to_first_token_ms=None if self._first_byte is None else round(self._first_byte * 1000, 3),
            overhead_ms=info.overhead_ms,
        )
