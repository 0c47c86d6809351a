"""Logs as one JSON object a line, and the one access line of every call.

    logger.info("a fixed message", extra={"call_id": ..., "request_id": ...})

gives `{"time": ..., "level": "info", "logger": ..., "event": "a fixed message", "call_id": ...}`. Whatever stands in
`extra` becomes a field; credentials are masked over the whole line (`redact`).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

import msgspec

from llm.observe import redact
from llm.observe.record import CallRecord

_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
_encode = msgspec.json.Encoder(enc_hook=str).encode

access_logger = logging.getLogger("llm.access")


class JsonFormatter(logging.Formatter):
    """One JSON object a record, credentials masked; a stack stands in `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update((name, value) for name, value in record.__dict__.items() if name not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return redact.text(_encode(line).decode())


def access(record: CallRecord) -> None:
    """The access line of one call. Costs nothing where `llm.access` does not log at INFO."""
    if not access_logger.isEnabledFor(logging.INFO):
        return
    fields: dict[str, object] = {
        "call_id": record.call_id,
        "request_id": record.request_id,
        "endpoint": record.endpoint,
        "status": record.status,
        "http_status": record.http_status,
        "error_code": record.error_code,
        "project": record.project,
        "key": record.key,
        "provider": record.provider,
        "model": record.model,
        "route": record.route,
        "revision": record.revision,
        "attempts": record.attempts,
        "stream": record.stream,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "latency_ms": record.latency_ms,
        "overhead_ms": record.overhead_ms,
    }
    access_logger.info("call", extra=fields)
