"""JSON lines, the access line, and the masking of credentials."""

from __future__ import annotations

import io
import json
import logging
import time
from datetime import datetime

import pytest

from llm.observe import log, redact
from llm.observe.record import CallRecord


def formatted(message: str, *arguments: object, **extra: object) -> dict[str, object]:
    logger = logging.getLogger("llm.test")
    record = logger.makeRecord("llm.test", logging.INFO, __file__, 1, message, arguments, None, extra=extra)
    line = log.JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_record_is_one_json_object_with_its_extra_fields() -> None:
    line = formatted("hello %s", "world", call_id="c-1", count=3, odd=object)
    assert line["event"] == "hello world"
    assert (line["level"], line["logger"], line["call_id"], line["count"]) == ("info", "llm.test", "c-1", 3)
    assert str(line["time"]).endswith("+00:00")
    assert isinstance(line["odd"], str)


def test_a_stack_stands_in_the_line_and_is_masked() -> None:
    try:
        raise ValueError("Bearer abcdefghijkl")
    except ValueError:
        import sys

        record = logging.getLogger("llm.test").makeRecord(
            "llm.test", logging.ERROR, __file__, 1, "failed", (), sys.exc_info()
        )
    line = json.loads(log.JsonFormatter().format(record))
    assert "ValueError" in line["exception"]
    assert "abcdefghijkl" not in line["exception"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key gw-0123456789abcdef.", "key gw-***."),
        ("gwadm-0123456789abcdef", "gwadm-***"),
        ("sk-proj-abcdefgh_1234", "sk-***"),
        ("Authorization: Bearer abc.def-ghi==", "Authorization: Bearer ***"),
        ('"sk-ant-api03-xyz12345"', '"sk-***"'),
        (
            "task-0123456789 risk-adjusted-value llm-gw-frontend-01",
            "task-0123456789 risk-adjusted-value llm-gw-frontend-01",
        ),
        ("sk-short", "sk-short"),
    ],
)
def test_keys_are_masked_and_words_are_not(text: str, masked: str) -> None:
    assert redact.text(text) == masked


def test_the_access_line_names_the_call(caplog: pytest.LogCaptureFixture) -> None:
    record = CallRecord(call_id="c", request_id="r", created_at=0, endpoint="messages", project="p", provider="x")
    with caplog.at_level(logging.WARNING, "llm.access"):
        log.access(record)
    assert not caplog.records
    with caplog.at_level(logging.INFO, "llm.access"):
        log.access(record)
    (line,) = caplog.records
    assert (line.__dict__["call_id"], line.__dict__["request_id"], line.__dict__["project"]) == ("c", "r", "p")


def test_the_access_handler_writes_the_same_line_by_itself() -> None:
    record = CallRecord(call_id="c", request_id="gw-0123456789abcdef", created_at=0, endpoint="messages", provider="x")
    out = io.StringIO()
    handler, logger = log.AccessHandler(out), log.access_logger
    handler.setFormatter(log.JsonFormatter())
    kept = logger.handlers, logger.propagate, logger.level
    try:
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
        log.access(record)
        logger.handlers = [handler, handler]  # not as it wants to be used: through `logging`, twice
        log.access(record)
    finally:
        logger.handlers, logger.propagate = kept[:2]
        logger.setLevel(kept[2])
    direct, *through = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (direct["event"], direct["level"], direct["logger"], direct["provider"]) == (
        "call",
        "info",
        "llm.access",
        "x",
    )
    assert direct["request_id"] == "gw-***"
    assert abs(datetime.fromisoformat(direct["time"]).timestamp() - time.time()) < 60
    assert [line | {"time": direct["time"]} for line in through] == [direct, direct]


def test_a_log_that_cannot_be_written_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    out.close()
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.AccessHandler(out).line(CallRecord(call_id="c", request_id="r", created_at=0, endpoint="messages"))
