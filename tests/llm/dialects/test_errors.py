"""Providers' refusals read, and our errors written, in both dialects."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm import errors
from llm.dialects.hub import render_error, render_stream_error, upstream_error
from llm.dialects.rejection import bounded
from llm.spec import Dialect
from tests.llm.dialects.folding import ANTHROPIC, OPENAI


def refused(
    status: int, body: Any = b"", headers: dict[str, str] | None = None, dialect: Dialect = OPENAI
) -> errors.UpstreamError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return upstream_error(dialect, status=status, headers=headers or {}, body=data, now=lambda: 1_764_000_000.0)


@pytest.mark.parametrize(
    ("status", "kind", "seen", "retryable"),
    [
        (301, errors.UpstreamMalformed, 502, True),
        (400, errors.UpstreamRejected, 400, False),
        (401, errors.UpstreamAuthFailed, 502, True),
        (402, errors.UpstreamAuthFailed, 502, True),
        (403, errors.UpstreamAuthFailed, 502, True),
        (404, errors.UpstreamRejected, 404, False),
        (405, errors.UpstreamFailed, 502, False),
        (408, errors.UpstreamTimeout, 504, True),
        (409, errors.UpstreamFailed, 502, True),
        (413, errors.UpstreamRejected, 413, False),
        (422, errors.UpstreamRejected, 422, False),
        (429, errors.UpstreamRateLimited, 429, True),
        (500, errors.UpstreamFailed, 502, True),
        (503, errors.UpstreamFailed, 502, True),
        (529, errors.UpstreamFailed, 502, True),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>sorry</html>", b'{"error":5}', b'{"error":{"message":"why"}}', b"\xff"])
def test_statuses(status: int, kind: type[errors.UpstreamError], seen: int, retryable: bool, body: bytes) -> None:
    error = refused(status, body)
    assert type(error) is kind
    assert (error.status, error.retryable) == (seen, retryable)
    assert ("why" in error.message) == (kind is errors.UpstreamRejected and b"why" in body)


@pytest.mark.parametrize(
    ("dialect", "status", "said", "code", "param"),
    [
        (
            OPENAI,
            400,
            {"message": "m", "code": "context_length_exceeded", "param": "messages"},
            "context_length_exceeded",
            "messages",
        ),
        (OPENAI, 400, {"message": "m", "code": "content_filter"}, "content_filtered", None),
        (OPENAI, 400, {"message": "m", "code": "content_policy_violation"}, "content_filtered", None),
        (OPENAI, 404, {"message": "m", "code": "model_not_found"}, "model_not_found", None),
        (OPENAI, 400, {"message": "m", "code": 400, "param": None}, "invalid_request", None),
        (OPENAI, 422, {"message": "m", "code": "what is this?\n"}, "invalid_request", None),
        (ANTHROPIC, 400, {"message": "m", "type": "invalid_request_error"}, "invalid_request", None),
        (ANTHROPIC, 404, {"message": "m", "type": "not_found_error"}, "not_found", None),
        (ANTHROPIC, 413, {"message": "m", "type": "request_too_large"}, "request_too_large", None),
    ],
)
def test_refusals_keep_the_providers_words(
    dialect: Dialect, status: int, said: dict[str, Any], code: str, param: str | None
) -> None:
    error = refused(status, {"error": said}, dialect=dialect)
    assert (error.message, error.code, error.param, error.status) == ("m", code, param, status)


@pytest.mark.parametrize("body", [{"message": "why"}, {"detail": "why"}, {"error": "why"}])
def test_refusals_of_compatible_servers(body: dict[str, Any]) -> None:
    assert refused(400, body).message == "why"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": formatdate(1_764_000_030, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(1_763_999_000, usegmt=True)}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e300"}, 31_536_000.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 31_536_000.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "inf", "retry-after": "2"}, 2.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_retry_after(headers: dict[str, str], seconds: float | None, status: int) -> None:
    assert refused(status, headers=headers).retry_after == seconds


@pytest.mark.parametrize(
    ("said", "never"),
    [
        ("bad key sk-proj-abcdef0123456789abcdef", "abcdef"),
        ("bad key sk-ant-api03-xyz_0123456789", "xyz_"),
        ("sent Bearer abc.def.ghi!", "abc.def"),
        ("key gw-0123456789abcdef0123456789abcdef", "0123456789"),
        ("Azure 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("google AIzaSyA0123456789abcdefghijklmnop", "SyA0"),
        ("Incorrect API key provided: sk-abcde***********wxyz.", "wxyz"),
        ("cannot reach http://10.0.0.7:8000/v1/chat", "10.0.0.7"),
        ("cannot reach 10.0.0.7:8000", "10.0.0.7"),
        ("cannot reach http://vllm-internal/v1", "vllm-internal"),
        ("cannot reach https://llm.corp.example:8443/v1", "corp.example"),
        ("cannot reach http://localhost/v1", "localhost"),
    ],
)
def test_no_key_and_no_address_is_passed_on(said: str, never: str) -> None:
    message = refused(400, {"error": {"message": said}}).message
    assert never not in message
    assert message.split()[0] == said.split()[0]


@pytest.mark.parametrize(
    "said",
    [
        "messages.1: tool_use ids were found without tool_result blocks: toolu_01A09q90qw90lq917835lq9",
        "See https://platform.openai.com/docs/guides/vision for the formats.",
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "This model's maximum context length is 128000 tokens.",
        "keyboard_layouts and skeleton_keys are fine",
    ],
)
def test_useful_words_stay(said: str) -> None:
    assert bounded(said) == said


@given(st.text(max_size=3000))
def test_a_message_is_bounded(text: str) -> None:
    assert len(bounded(text)) <= 500


@given(st.text("abcdefABCDEF0123456789", min_size=24, max_size=60), st.text(max_size=1200))
def test_a_key_anywhere_is_redacted(secret: str, before: str) -> None:
    assert f"sk-{secret}" not in bounded(f"{before} sk-{secret} end")


@pytest.mark.parametrize(
    ("error", "status", "code", "anthropic_status", "anthropic_type"),
    [
        (errors.InvalidApiKey("m"), 401, "invalid_api_key", 401, "authentication_error"),
        (errors.ModelNotFound("m"), 404, "model_not_found", 404, "not_found_error"),
        (errors.InvalidRequest("m", param="messages"), 400, "invalid_request", 400, "invalid_request_error"),
        (errors.ContextLengthExceeded("m"), 400, "context_length_exceeded", 400, "invalid_request_error"),
        (errors.ContentFiltered("m"), 400, "content_filtered", 400, "invalid_request_error"),
        (errors.RequestTooLarge("m"), 413, "request_too_large", 413, "request_too_large"),
        (errors.UpstreamRateLimited("m"), 429, "rate_limit_exceeded", 429, "rate_limit_error"),
        (errors.NoHealthyUpstream("m"), 503, "no_healthy_upstream", 529, "overloaded_error"),
        (errors.CredentialsExhausted("m"), 502, "upstream_credentials_exhausted", 502, "api_error"),
        (errors.UpstreamFailed("m"), 502, "upstream_error", 502, "api_error"),
        (errors.UpstreamTimeout("m"), 504, "upstream_timeout", 504, "timeout_error"),
        (errors.UpstreamRejected("m", "x", status=404), 404, "x", 404, "not_found_error"),
        (errors.UpstreamRejected("m", "x", status=422), 422, "x", 422, "invalid_request_error"),
    ],
)
def test_the_contracts_table(
    error: errors.GatewayError, status: int, code: str, anthropic_status: int, anthropic_type: str
) -> None:
    told = json.loads(render_error(OPENAI, error, "req-1"))
    assert told == {
        "error": {
            "message": "m",
            "type": error.openai_type,
            "param": error.param,
            "code": code,
            "source": "provider" if isinstance(error, errors.UpstreamError) else "gateway",
            "request_id": "req-1",
        }
    }
    assert (error.status, error.anthropic_status) == (status, anthropic_status)
    assert json.loads(render_error(ANTHROPIC, error, "req-1")) == {
        "type": "error",
        "error": {"type": anthropic_type, "message": "m"},
        "request_id": "req-1",
    }


def test_errors_in_a_stream() -> None:
    error = errors.UpstreamMalformed("m")
    openai = render_stream_error(OPENAI, error, "r")
    assert openai == b"data: " + render_error(OPENAI, error, "r") + b"\n\n"
    anthropic = render_stream_error(ANTHROPIC, error, "r")
    assert anthropic == b"event: error\ndata: " + render_error(ANTHROPIC, error, "r") + b"\n\n"
