"""Which refusals are for the content and which for the length: by code, and in the words of those that have none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm import errors
from llm.dialects.hub import open_stream, upstream_error
from llm.spec import Dialect, StreamSummary

CHAT: Dialect = "openai_chat"
RESPONSES: Dialect = "openai_responses"
MESSAGES: Dialect = "anthropic_messages"
GEMINI: Dialect = "gemini"


def refused(dialect: Dialect, status: int, body: Any) -> errors.UpstreamError:
    return upstream_error(dialect, status=status, headers={}, body=json.dumps(body).encode())


def openai(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


def anthropic(message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def google(message: str) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


AZURE_INNER = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}

FILTERED: list[tuple[Dialect, int, Any]] = [
    (CHAT, 400, openai("m", code="content_filter")),
    (CHAT, 400, openai("m", code="content_policy_violation")),
    (CHAT, 400, openai("m", type="content_filter")),
    (CHAT, 400, openai("Invalid prompt: your prompt was flagged as potentially violating our usage policy.")),
    (RESPONSES, 400, openai("Your prompt was flagged as violating our usage policy.", code="invalid_prompt")),
    (CHAT, 400, openai("Your request was rejected as a result of our safety system.")),
    (CHAT, 400, {"error": {"message": "m", "code": "content_filter", "status": 400, "innererror": AZURE_INNER}}),
    (CHAT, 400, {"error": {"message": "m", "code": "BadRequest", "innererror": AZURE_INNER}}),
    (CHAT, 400, openai("The response was filtered due to the prompt triggering Azure's content management policy.")),
    (CHAT, 400, openai("Content Exists Risk")),
    (CHAT, 403, {"error": {"code": 403, "message": 'The model requires moderation. Your input was flagged for "x".'}}),
    (CHAT, 403, {"code": "permission-denied", "error": "Content violates usage guidelines. Failed check: X"}),
    (MESSAGES, 400, anthropic("Output blocked by content filtering policy")),
    (GEMINI, 400, google("The prompt contains words that violate Google's Responsible AI practices.")),
]
TOO_LONG: list[tuple[Dialect, int, Any]] = [
    (CHAT, 400, openai("m", code="context_length_exceeded", param="messages")),
    (RESPONSES, 400, openai("Your input exceeds the context window of this model.", code="context_length_exceeded")),
    (CHAT, 400, {"object": "error", "type": "BadRequestError", "code": 400,
                 "message": "This model's maximum context length is 4096 tokens. However, you requested 5000."}),
    (CHAT, 400, openai("This model's maximum prompt length is 131072 but the request contains 140000 tokens.")),
    (CHAT, 400, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "m"}}),
    (CHAT, 400, {"error": "the request exceeds the available context size, try increasing it"}),
    (CHAT, 422, openai("This endpoint's maximum context length is 8192 tokens.")),
    (MESSAGES, 400, anthropic("prompt is too long: 208310 tokens > 200000 maximum")),
    (MESSAGES, 400, anthropic("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000")),
    (GEMINI, 400, google("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")),
]  # fmt: skip
NEITHER: list[tuple[Dialect, int, Any]] = [
    (CHAT, 400, openai("max_tokens is too large: 100000. This model supports at most 16384 completion tokens.")),
    (CHAT, 400, openai("Unsupported value. See our usage policies.", code="unsupported_value")),
    (CHAT, 400, openai("Invalid schema: content filter.", code="invalid_schema")),
    (CHAT, 404, openai("maximum context length")),
    (CHAT, 400, openai("prompt is too long", code="string_above_max_length")),
    (MESSAGES, 400, anthropic("This model does not support assistant message prefill.")),
    (GEMINI, 400, google("Invalid value at 'contents[0]'.")),
]


@pytest.mark.parametrize(("dialect", "status", "body"), FILTERED)
def test_refused_for_the_content(dialect: Dialect, status: int, body: Any) -> None:
    error = refused(dialect, status, body)
    assert isinstance(error, errors.ContentFiltered) and isinstance(error, errors.UpstreamRejected)
    assert (error.code, error.status, error.retryable, error.source) == ("content_filtered", 400, False, "provider")
    assert error.args[1:] == ("content_filtered", False)


@pytest.mark.parametrize(("dialect", "status", "body"), TOO_LONG)
def test_refused_for_the_length(dialect: Dialect, status: int, body: Any) -> None:
    error = refused(dialect, status, body)
    assert isinstance(error, errors.ContextLengthExceeded) and isinstance(error, errors.UpstreamRejected)
    assert (error.code, error.status, error.retryable) == ("context_length_exceeded", status, False)
    assert error.source == "provider"


@pytest.mark.parametrize(("dialect", "status", "body"), NEITHER)
def test_refused_for_something_else(dialect: Dialect, status: int, body: Any) -> None:
    error = refused(dialect, status, body)
    assert type(error) is errors.UpstreamRejected
    assert error.code not in ("content_filtered", "context_length_exceeded")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, errors.UpstreamAuthFailed), (403, errors.UpstreamAuthFailed), (500, errors.UpstreamFailed)],
)
def test_a_status_says_more_than_words(status: int, kind: type[errors.UpstreamError]) -> None:
    """A key that is refused is not one that was moderated, and a server that fails has not refused."""
    said = openai("You may not use this model: maximum context length. See the content policy.")
    assert type(refused(CHAT, status, said)) is kind


@pytest.mark.parametrize(
    ("dialect", "told", "kind"),
    [
        (CHAT, {"error": {"message": "m", "code": "content_filter"}}, errors.ContentFiltered),
        (CHAT, {"error": {"message": "m", "code": "context_length_exceeded"}}, errors.ContextLengthExceeded),
        (RESPONSES, {"type": "error", "code": "bio_policy", "message": "m"}, errors.ContentFiltered),
        (RESPONSES, {"type": "error", "code": "context_length_exceeded", "message": "m"}, errors.ContextLengthExceeded),
        (MESSAGES, anthropic("Output blocked by content filtering policy"), errors.ContentFiltered),
        (GEMINI, google("The input token count (9) exceeds the maximum number of tokens (5)."),
         errors.ContextLengthExceeded),
    ],
)  # fmt: skip
def test_refused_in_a_stream(dialect: Dialect, told: dict[str, Any], kind: type[errors.GatewayError]) -> None:
    codec = open_stream(upstream=dialect, caller=dialect, include_usage=True, model="m", summary=StreamSummary())
    with pytest.raises(errors.UpstreamRejected) as caught:
        codec.feed(b"data: " + json.dumps(told).encode() + b"\n\n")
    assert isinstance(caught.value, kind)
