"""Logs as one JSON object a line, and the one access line of every call.

    logger.info("a fixed message", extra={"call_id": ..., "request_id": ...})

gives `{"time": ..., "level": "info", "logger": ..., "event": "a fixed message", "call_id": ...}`. Whatever stands in
`extra` becomes a field; credentials are masked over the whole line (`redact`).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from llm.observe import redact
from llm.observe.record import CallRecord

_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
_OF_EVERY_LINE: Final = frozenset({"time", "level", "logger", "event"})
_encode = msgspec.json.Encoder(enc_hook=str).encode

access_logger = logging.getLogger("llm.access")


class JsonFormatter(logging.Formatter):
    """One JSON object a record, credentials masked; a stack stands in `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record.created),
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


class _Shared(msgspec.Struct, frozen=True):
    """What a line has in common with the lines of many other calls; the first fields are those of every line."""

    level: str
    logger: str
    event: str
    endpoint: str
    status: str
    http_status: int
    error_code: str
    project: str
    key: str
    provider: str
    model: str
    route: str
    revision: int
    attempts: int
    stream: bool


class _Own(msgspec.Struct, gc=False):
    """What only this call's line says."""

    call_id: str
    request_id: str
    input_tokens: int
    output_tokens: int
    latency_ms: float
    overhead_ms: float


class AccessHandler(logging.StreamHandler[TextIO]):
    """Writes access lines past `logging`'s own machinery, which costs as much as a third of a call. Give it to
    `llm.access` as its only handler, with `propagate` off.

    Within a loop the lines of all calls that end in one of its turns are written together, at the end of it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._lines: list[bytes] = []
        self._due = False  # somebody is going to write what is in `_lines`; taken back before they are looked at

    def line(self, record: CallRecord) -> None:
        try:
            line = _line(record)
        except ValueError:  # a log that cannot be written never fails a call
            self._failed()
            return
        self._lines.append(line)
        if self._due:
            return
        self._due = True
        loop = asyncio._get_running_loop()
        if loop is None:
            self._write()
        else:
            loop.call_soon(self._write)

    def close(self) -> None:
        self._write()
        super().close()

    def _write(self) -> None:
        self._due = False
        assert self.lock is not None
        with self.lock:
            lines = self._lines[:]
            del self._lines[: len(lines)]  # what another thread adds meanwhile stands behind them
            if not lines:
                return
            try:
                self.stream.write(b"\n".join(lines).decode() + "\n")
                self.stream.flush()
            except (OSError, ValueError):
                self._failed()

    def _failed(self) -> None:
        self.handleError(logging.makeLogRecord({"msg": "call", "args": ()}))


def access(record: CallRecord) -> None:
    """The access line of one call. Costs nothing where `llm.access` does not log at INFO."""
    if not access_logger.isEnabledFor(logging.INFO):
        return
    handlers = access_logger.handlers
    if not access_logger.propagate and len(handlers) == 1 and isinstance(handlers[0], AccessHandler):
        handlers[0].line(record)
        return
    names = (*_Shared.__struct_fields__, *_Own.__struct_fields__)
    access_logger.info("call", extra={name: getattr(record, name) for name in names if name not in _OF_EVERY_LINE})


def _line(record: CallRecord) -> bytes:
    """With all credentials masked. What many lines share is worked out once."""
    request_id = record.request_id
    own = _Own(
        record.call_id,
        request_id if request_id == record.call_id else redact.text(request_id),
        record.input_tokens,
        record.output_tokens,
        record.latency_ms,
        record.overhead_ms,
    )
    shared = _shared(
        record.endpoint,
        record.status,
        record.http_status,
        record.error_code,
        record.project,
        record.key,
        record.provider,
        record.model,
        record.route,
        record.revision,
        record.attempts,
        record.stream,
    )
    return _opened(int(time.time() * 1000)) + shared + _encode(own)[1:]


@functools.lru_cache(maxsize=1024)
def _shared(*values: Any) -> bytes:
    """Members in the middle of a line; `values` as `_Shared` has them from `endpoint` on."""
    return redact.text(_encode(_Shared("info", "llm.access", "call", *values))[1:-1].decode()).encode() + b","


@functools.lru_cache(maxsize=8)
def _opened(milliseconds: int) -> bytes:
    """The beginning of a line, with its time since 1970."""
    return f'{{"time":"{_millisecond(milliseconds)}",'.encode()


def _time(seconds: float) -> str:
    return _millisecond(int(seconds * 1000))


def _millisecond(whole: int) -> str:
    return f"{_second(whole // 1000)}.{whole % 1000:03d}+00:00"


@functools.lru_cache(maxsize=2)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
