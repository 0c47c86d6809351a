"""Google's refusals read, and our errors written in Google's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm import errors
from llm.dialects.gemini.error import read_error, refuse_bare_error, upstream_error, write_error, write_stream_error

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"
BAD = "type.googleapis.com/google.rpc.BadRequest"


def body(code: int, status: str, *details: Any, message: str = "m") -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def refused(status: int, data: bytes, headers: dict[str, str] | None = None) -> errors.UpstreamError:
    return upstream_error(status, headers or {}, data, now=lambda: 1_764_000_000.0)


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.UpstreamRejected),
        (400, "FAILED_PRECONDITION", errors.UpstreamRejected),
        (401, "UNAUTHENTICATED", errors.UpstreamAuthFailed),
        (403, "PERMISSION_DENIED", errors.UpstreamAuthFailed),
        (404, "NOT_FOUND", errors.UpstreamRejected),
        (429, "RESOURCE_EXHAUSTED", errors.UpstreamRateLimited),
        (500, "INTERNAL", errors.UpstreamFailed),
        (503, "UNAVAILABLE", errors.UpstreamFailed),
        (504, "DEADLINE_EXCEEDED", errors.UpstreamFailed),
    ],
)
def test_statuses_over_http_and_inside(status: int, word: str, kind: type[errors.UpstreamError]) -> None:
    data = body(status, word)
    in_a_list = b"[" + data + b"\n]"
    bare = json.dumps(json.loads(data)["error"]).encode()
    nameless = json.dumps({"error": {"message": "m", "status": word}}).encode()
    found = [refused(status, data), refused(status, in_a_list)]
    found += [read_error(one) for one in (data, in_a_list, bare, nameless)]
    assert {type(error) for error in found} == {kind}
    if kind is errors.UpstreamRejected:
        assert {(error.message, error.status) for error in found} == {("m", status)}


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"\xff", b"[]", b"5", b'{"error":5}', b'{"error":{}}', b'{"error":"why"}']
)
def test_errors_that_cannot_be_read(data: bytes) -> None:
    assert type(refused(503, data)) is errors.UpstreamFailed
    assert type(read_error(data)) is errors.UpstreamFailed
    assert refused(400, data).message == ("why" if b"why" in data else "The provider refused the request (status 400).")


def test_a_bad_key_is_not_the_callers_bad_request() -> None:
    data = body(400, "INVALID_ARGUMENT", {"@type": INFO, "reason": "API_KEY_INVALID"}, message="API key not valid.")
    for error in (refused(400, data), read_error(data)):
        assert type(error) is errors.UpstreamAuthFailed
        assert (error.status, error.retryable) == (502, True)


@pytest.mark.parametrize(
    ("delay", "headers", "seconds"),
    [
        ("34.074824224s", {}, 34.074824224),
        ("7s", {"retry-after": "3"}, 3.0),
        ("soon", {}, None),
        ("s", {}, None),
        (7, {}, None),
        ("-3s", {}, 0.0),
        ("infs", {}, None),
    ],
)
def test_how_long_to_wait(delay: Any, headers: dict[str, str], seconds: float | None) -> None:
    data = body(429, "RESOURCE_EXHAUSTED", {"@type": INFO}, {"@type": RETRY, "retryDelay": delay}, "strange")
    assert refused(429, data, headers).retry_after == seconds
    if not headers:
        assert read_error(data).retry_after == seconds


def test_the_field_that_google_names() -> None:
    violations = [{"field": "contents[0].parts", "description": "d"}, {"field": "x"}]
    error = refused(400, body(400, "INVALID_ARGUMENT", {"@type": BAD, "fieldViolations": violations}))
    assert (error.param, error.code) == ("contents[0].parts", "invalid_request")
    assert refused(400, body(400, "INVALID_ARGUMENT", {"@type": BAD, "fieldViolations": "x"})).param is None


def test_a_bare_error_behind_the_events() -> None:
    for fine in (b": keep-alive\n\n", b"\n\n", b"{}", b"[1]", b"{torn", b'{"candidates":[]}'):
        refuse_bare_error(fine)
    for bare in (body(503, "UNAVAILABLE"), b"\n[" + body(503, "UNAVAILABLE") + b"]\n\n"):
        with pytest.raises(errors.UpstreamFailed):
            refuse_bare_error(bare)


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (errors.InvalidApiKey("m"), 401, "UNAUTHENTICATED"),
        (errors.ModelNotFound("m"), 404, "NOT_FOUND"),
        (errors.MethodNotAllowed("m"), 405, "INVALID_ARGUMENT"),
        (errors.InvalidRequest("m"), 400, "INVALID_ARGUMENT"),
        (errors.RequestTooLarge("m"), 413, "INVALID_ARGUMENT"),
        (errors.UpstreamRateLimited("m"), 429, "RESOURCE_EXHAUSTED"),
        (errors.CallCancelled("m"), 499, "CANCELLED"),
        (errors.InternalError("m"), 500, "INTERNAL"),
        (errors.UpstreamFailed("m"), 502, "UNAVAILABLE"),
        (errors.NoHealthyUpstream("m"), 503, "UNAVAILABLE"),
        (errors.UpstreamTimeout("m"), 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_written(error: errors.GatewayError, code: int, word: str) -> None:
    told = json.loads(write_error(error, "req-1"))
    assert told == {
        "error": {
            "code": code,
            "message": "m",
            "status": word,
            "details": [
                {
                    "@type": INFO,
                    "reason": error.code.upper(),
                    "domain": "llm-gateway",
                    "metadata": {"source": error.source, "requestId": "req-1"},
                }
            ],
        }
    }
    assert write_stream_error(error, "req-1") == b"data: " + write_error(error, "req-1") + b"\n\n"


def test_written_with_all_it_knows() -> None:
    details = json.loads(write_error(errors.InvalidRequest("m", param="contents", retry_after=1.5), "r"))["error"][
        "details"
    ]
    assert details[1:] == [
        {"@type": BAD, "fieldViolations": [{"field": "contents", "description": "m"}]},
        {"@type": RETRY, "retryDelay": "1.500s"},
    ]


def test_what_is_written_is_read_again() -> None:
    limited = read_error(write_error(errors.UpstreamRateLimited("m", retry_after=2.5), "r"))
    assert (type(limited), limited.retry_after) == (errors.UpstreamRateLimited, 2.5)
    rejected = read_error(write_error(errors.InvalidRequest("why", param="contents"), "r"))
    assert (rejected.message, rejected.param) == ("why", "contents")
