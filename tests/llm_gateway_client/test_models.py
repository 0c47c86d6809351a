"""Requests and responses: the seed's constructor calls, strict types, and dicts there and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_gateway_client import (
    Embeddings,
    ErrorDetails,
    FinishReason,
    InterventionContext,
    LLMConfig,
    LLMGatewayError,
    LLMRequest,
    LLMResponse,
    StreamChunk,
    ToolUseRequest,
    Usage,
)

CONFIG = LLMConfig(model_identifier="gpt-4-turbo-preview")


def test_the_seeds_calls_work_as_they_stand() -> None:
    context = InterventionContext(session_id="example-session")
    request = LLMRequest(prompt_content="Hello, world!", config=CONFIG, initial_context=context)
    assert LLMRequest.from_dict(request.to_dict()) == request
    assert request.to_dict()["initial_context"]["session_id"] == "example-session"


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: LLMConfig(1), "LLMConfig.model_identifier must be a string, not int."),  # type: ignore[arg-type]  # reason: wrong on purpose
    (lambda: LLMConfig("m", temperature="hot"), "LLMConfig.temperature must be a number or None, not str."),  # type: ignore[arg-type]  # reason: wrong on purpose
    (lambda: LLMConfig("m", max_tokens=True), "LLMConfig.max_tokens must be an integer or None, not bool."),
    (lambda: LLMConfig("m", top_p=float("nan")), "LLMConfig.top_p must be a number or None, not float."),
    (lambda: LLMConfig("m", stop_sequences=["a", 1]), "LLMConfig.stop_sequences[1] must be a string, not int."),  # type: ignore[list-item]  # reason: wrong on purpose
    (lambda: LLMRequest("hi", "m"), "LLMRequest.config must be LLMConfig, not str."),  # type: ignore[arg-type]  # reason: wrong on purpose
    (lambda: LLMRequest(7, CONFIG), "LLMRequest.prompt_content must be a string or a list of dicts, not int."),  # type: ignore[arg-type]  # reason: wrong on purpose
    (lambda: InterventionContext(tags={"a": 1}), "InterventionContext.tags['a'] must be a string, not int."),  # type: ignore[dict-item]  # reason: wrong on purpose
    (lambda: LLMConfig.from_dict([]), "LLMConfig is read from a dict, not list."),  # type: ignore[arg-type]  # reason: wrong on purpose
    (lambda: LLMConfig("m", temperature=10**400), "LLMConfig.temperature must be a number or None, not int."),
    (lambda: Embeddings([["x"]]), "Embeddings.vectors must be a list of lists of numbers."),  # type: ignore[list-item]  # reason: wrong on purpose
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message.split()[0] for _, message in WRONG])
def test_wrong_types_are_refused_by_the_fields_name(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: LLMConfig(""), "model_identifier"),
        (lambda: LLMConfig("m", timeout_seconds=0), "timeout_seconds"),
        (lambda: LLMConfig("m", timeout_seconds=86_401), "timeout_seconds"),
        (lambda: LLMConfig("m", extra={"stream": True}), "generate_stream"),
        (lambda: LLMConfig.from_dict({"model_identifier": "m", "temprature": 1}), "temprature"),
        (lambda: LLMRequest([], CONFIG), "empty"),
        (lambda: LLMRequest([{"role": "user", "content": "x"}, {"type": "text", "text": "y"}], CONFIG), "'role'"),
        (lambda: LLMRequest("x", CONFIG, request_id="a b"), "request_id"),
        (lambda: InterventionContext(request_id=""), "request_id"),
        (lambda: InterventionContext(session_id="a,b"), "session_id"),
        (lambda: InterventionContext(session_id="a\r\nb", tags={"session_id": "fits"}), "session_id"),
        (lambda: InterventionContext(tags={"a=b": "c"}), "a=b"),
        (lambda: InterventionContext(tags={"a": "ü"}), "'a'"),
        (lambda: InterventionContext(tags={str(n): "" for n in range(15)}, session_id="s", correlation_id="c"), "16"),
    ],
)
def test_wrong_values_are_refused(make: Callable[[], Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()


def test_a_response_goes_there_and_back() -> None:
    response = LLMResponse(
        request_id="r",
        generated_content="x",
        finish_reason=FinishReason.TOOL_CALLS,
        tool_use_requests=[ToolUseRequest("1", "f", {"a": 1}, '{"a": 1}')],
        usage=Usage(1, 2, 3, cost_usd=0.1),
        error_details=ErrorDetails("upstream_error", "No.", retryable=True, retry_after_seconds=1.5),
    )
    told = response.to_dict()
    assert (told["finish_reason"], told["usage"]["cost_usd"]) == ("tool_calls", 0.1)
    assert LLMResponse.from_dict(told) == response
    last = StreamChunk("r", is_final=True, response=response)
    assert StreamChunk.from_dict(last.to_dict()) == last


def test_raise_for_error_tells_all_that_is_known() -> None:
    assert LLMResponse("r").raise_for_error() == LLMResponse("r")
    details = ErrorDetails("rate_limit_exceeded", "Later.", True, 2.0, "r", 429, "provider")
    for failed in (LLMResponse("r", error_details=details), StreamChunk("r", error_details=details)):
        with pytest.raises(LLMGatewayError, match=r"Later\. \(rate_limit_exceeded\)") as caught:
            failed.raise_for_error()
        error = caught.value
        assert (error.code, error.retryable, error.retry_after_seconds) == ("rate_limit_exceeded", True, 2.0)
        assert (error.status, error.source, error.request_id) == (429, "provider", "r")
