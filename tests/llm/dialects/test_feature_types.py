"""The cells of the table against the official clients: what is written for a provider is of their types of a request,
and holds nothing that these have no word for. Gemini's client is not among the requirements."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec
import pytest

from llm.dialects.features import FEATURES, Provider
from llm.dialects.hub import translate_request
from llm.spec import Dialect
from tests.llm.dialects.asking import request
from tests.llm.dialects.feature_examples import EXAMPLES

TYPED: Final[tuple[Provider, ...]] = ("openai_chat", "openai_responses", "anthropic_messages")
ROWS: Final = {feature.name: feature for feature in FEATURES}
# The client has sound in its types for evaluations only.
NOT_TYPED: Final = {("audio_input", "openai_responses")}
CELLS: Final = [
    (caller, name, to)
    for caller, examples in EXAMPLES.items()
    for name in examples
    for to in TYPED
    if to != caller and ROWS[name].cells[to].how != "refused" and (name, to) not in NOT_TYPED
]
# Sampling that only Anthropic's older models take, and thoughts as compatible servers have them (`thoughts.py`).
OLDER: Final = ("temperature", "top_p", "top_k")
BESIDE_OPENAI: Final = ("reasoning_content", "reasoning_details")


@pytest.mark.parametrize(("caller", "name", "to"), CELLS)
def test_what_is_written_is_of_the_clients_types(caller: Dialect, name: str, to: Provider) -> None:
    asked = request(caller, {"model": "asked-model", **EXAMPLES[caller][name].body(to)})
    written, _ = translate_request(asked, to, model="m", default_max_tokens=50)
    body = _typed(to, msgspec.json.decode(msgspec.json.encode(written)))
    assert _settled(_adapter(to).validate_python(body, strict=True)) == body


@cache
def _adapter(to: Provider) -> Any:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
    from pydantic import TypeAdapter

    types: dict[Provider, Any] = {
        "openai_chat": CompletionCreateParamsNonStreaming,
        "openai_responses": ResponseCreateParamsNonStreaming,
        "anthropic_messages": MessageCreateParamsNonStreaming,
    }
    return TypeAdapter(types[to])


def _typed(to: Provider, body: dict[str, Any]) -> dict[str, Any]:
    """Without what is known to be outside of the types."""
    if to == "anthropic_messages":
        return {name: value for name, value in body.items() if name not in OLDER}
    if to == "openai_chat":
        return {**body, "messages": [_without(message, BESIDE_OPENAI) for message in body["messages"]]}
    return {**body, "input": [_kept_at_openai(item) for item in body["input"]]}


def _without(message: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in names}


def _kept_at_openai(item: dict[str, Any]) -> dict[str, Any]:
    """The type of a model's own message wants what OpenAI gives to one that it keeps; it takes others without."""
    parts = item.get("content")
    own = item.get("role") == "assistant" and isinstance(parts, list)
    item = {"id": "msg_1", "status": "completed", **item} if own else item
    return {"id": "rs_1", **item} if item["type"] == "reasoning" else item


def _settled(value: Any) -> Any:
    """What was validated one by one, as lists again."""
    if isinstance(value, dict):
        return {name: _settled(inner) for name, inner in value.items()}
    return value if value is None or isinstance(value, str | int | float) else [_settled(inner) for inner in value]
