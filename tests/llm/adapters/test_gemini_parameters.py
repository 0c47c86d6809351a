"""An operator's defaults for a Gemini model: in whose words, and where they end up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.adapters import gemini_parameters
from llm.adapters.gemini import Gemini
from llm.spec import Request
from tests.llm.adapters.doubles import ScriptedTransport, request, target

ADAPTER = Gemini(ScriptedTransport())
CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]


def body_of(asked: Request, **changes: Any) -> dict[str, Any]:
    body, _ = ADAPTER.body_of(asked, target(kind="gemini", **changes))
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return found


def native(**fields: Any) -> Request:
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return Request("gemini", "asked", {"contents": msgspec.Raw(msgspec.json.encode(CONTENTS)), **raw})


@pytest.mark.parametrize(
    ("parameters", "config"),
    [
        ({"max_tokens": 7}, {"maxOutputTokens": 7}),
        ({"max_completion_tokens": 7}, {"maxOutputTokens": 7}),
        ({"maxOutputTokens": 7}, {"maxOutputTokens": 7}),
        (
            {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 1},
            {"temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 1},
        ),
        ({"stop": "END"}, {"stopSequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stopSequences": ["a", "b"]}),
        ({"presence_penalty": 1, "frequencyPenalty": 0.5}, {"presencePenalty": 1, "frequencyPenalty": 0.5}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"responseLogprobs": True, "logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"reasoning_effort": "low"}, {"thinkingConfig": {"thinkingBudget": 1024}}),
        ({"reasoning_effort": "none"}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"thinkingConfig": {"thinkingLevel": "low"}}, {"thinkingConfig": {"thinkingLevel": "low"}}),
    ],
)
@pytest.mark.parametrize("asked", [request(), native()], ids=["translated", "native"])
def test_defaults_stand_in_the_configuration(
    asked: Request, parameters: dict[str, object], config: dict[str, object]
) -> None:
    body = body_of(asked, parameters=parameters)
    assert body["generationConfig"] == config
    assert set(body) <= {"model", "stream", "contents", "generationConfig"}


@pytest.mark.parametrize(
    "asked",
    [
        request(max_tokens=3, temperature=0.1, stop=["x"], reasoning_effort="high"),
        native(
            generationConfig={"maxOutputTokens": 3, "temperature": 0.1, "stopSequences": ["x"], "thinkingConfig": {}}
        ),
        native(
            generation_config={
                "max_output_tokens": 3,
                "temperature": 0.1,
                "stop_sequences": ["x"],
                "thinking_config": {},
            }
        ),
    ],
    ids=["translated", "native", "in snake case"],
)
def test_the_caller_wins(asked: Request) -> None:
    parameters = {"max_tokens": 9, "temperature": 0.9, "stop": "y", "reasoning_effort": "low"}
    assert body_of(asked, parameters=parameters) == body_of(asked)


def test_what_gemini_has_no_word_for_is_left_out() -> None:
    parameters = {
        "user": "u",
        "metadata": {},
        "service_tier": "flex",
        "parallel_tool_calls": False,
        "reasoning_effort": "enormous",
        "model": "other",
        "stream": True,
        "contents": [],
    }
    assert body_of(request(), parameters=parameters) == body_of(request())
    assert body_of(native(), parameters=parameters) == body_of(native())


def test_geminis_own_fields_stand_on_top() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    for name in ("safetySettings", "safety_settings"):
        assert body_of(request(), parameters={name: settings})["safetySettings"] == settings
    kept = body_of(native(safety_settings=[]), parameters={"safetySettings": settings})
    assert kept == body_of(native(safety_settings=[]))


def test_the_operators_body_goes_over_all() -> None:
    extra = {"generationConfig": {"temperature": 2}, "labels": {"team": "a"}, "contents": [], "model": "other"}
    body = body_of(request(temperature=0.1), parameters={"max_tokens": 7}, extra_body=extra)
    assert (body["generationConfig"], body["labels"], body["model"]) == ({"temperature": 2}, {"team": "a"}, "served")
    assert body["contents"] == CONTENTS


def test_the_models_own_bound_is_the_last_resort() -> None:
    assert body_of(request(), max_tokens=50)["generationConfig"] == {"maxOutputTokens": 50}
    assert body_of(request(), max_tokens=50, parameters={"max_tokens": 7})["generationConfig"]["maxOutputTokens"] == 7


@pytest.mark.parametrize("odd", [b"[1]", b'"x"', b"null", b"7"])
def test_a_configuration_that_is_none_goes_as_it_came(odd: bytes) -> None:
    body: dict[str, object] = {"generationConfig": msgspec.Raw(odd)}
    gemini_parameters.fill(body, {"temperature": 1, "safetySettings": []})
    assert msgspec.json.encode(body) == b'{"generationConfig":' + odd + b"}"


def test_the_callers_numbers_keep_their_bytes() -> None:
    body: dict[str, object] = {"generationConfig": msgspec.Raw(b'{"temperature": 1.50}')}
    gemini_parameters.fill(body, {"max_tokens": 7})
    assert msgspec.json.encode(body) == b'{"generationConfig":{"temperature":1.50,"maxOutputTokens":7}}'
