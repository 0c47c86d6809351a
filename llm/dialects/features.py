"""What becomes of each feature of a request that goes to a provider of another dialect, as a table.

It is the source of tests (tests/llm/dialects/test_features.py: one for each cell that callers of OpenAI's chat reach)
and of the page docs/dialects.md. Within one dialect nothing is touched: everything is carried, what the gateway has
never heard of too.

    carried       the provider is told what the caller said, in its own words
    approximated  the provider is told something near to it; named in `x-gateway-dropped` where the cell has a `name`
    dropped       left out, and named in `x-gateway-dropped` as `name`
    refused       400, with `name` as the field: leaving it out would change what the caller asked for
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from llm.spec import Dialect

How = Literal["carried", "approximated", "dropped", "refused"]
Provider = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini"]

PROVIDERS: Final[tuple[Provider, ...]] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")


@dataclass(frozen=True, slots=True)
class Cell:
    """`name` is what the caller reads in the header or as the error's field, "" for nothing; `note` is for people."""

    how: How
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """`name` is ours; `what` explains it in a line; `callers` are the dialects that have a word for it."""

    name: str
    what: str
    cells: Mapping[Provider, Cell]
    callers: tuple[Dialect, ...] = PROVIDERS


CARRIED: Final = Cell("carried")


def _cells(chat: Cell, responses: Cell, messages: Cell, gemini: Cell) -> Mapping[Provider, Cell]:
    return dict(zip(PROVIDERS, (chat, responses, messages, gemini), strict=True))


def _near(note: str, name: str = "") -> Cell:
    return Cell("approximated", name, note)


def _dropped(name: str) -> Cell:
    return Cell("dropped", name)


def _refused(name: str) -> Cell:
    return Cell("refused", name)


_EVERYWHERE: Final = _cells(CARRIED, CARRIED, CARRIED, CARRIED)
_OPENAI: Final[tuple[Dialect, ...]] = ("openai_chat", "openai_responses")
_BESIDE: Final = _near("images and documents of a result go into the user's message behind it")

FEATURES: Final[tuple[Feature, ...]] = (
    Feature("system", "system instructions before the conversation", _EVERYWHERE),
    Feature(
        "system_position",
        "a system message in the middle of the conversation",
        _cells(
            CARRIED,
            CARRIED,
            _near("moved to the front", "messages.system_position"),
            _near("moved to the front", "messages.system_position"),
        ),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "developer",
        "the role developer",
        _cells(CARRIED, CARRIED, _near("as system"), _near("as system")),
        callers=_OPENAI,
    ),
    Feature("multi_turn", "earlier turns of user and model", _EVERYWHERE),
    Feature("image_base64", "an image inside the body", _EVERYWHERE),
    Feature("image_url", "an image by its address", _EVERYWHERE),
    Feature(
        "image_detail",
        "how closely an image is looked at",
        _cells(CARRIED, CARRIED, _dropped("detail"), _dropped("detail")),
        callers=_OPENAI,
    ),
    Feature("pdf_base64", "a PDF inside the body", _EVERYWHERE),
    Feature(
        "pdf_url",
        "a PDF by its address",
        _cells(Cell("refused", "", "the field that holds it is named"), CARRIED, CARRIED, CARRIED),
        callers=("openai_responses", "anthropic_messages", "gemini"),
    ),
    Feature(
        "text_document",
        "a plain text as a document",
        _cells(_near("as text with its title"), _near("as text with its title"), CARRIED, CARRIED),
        callers=("anthropic_messages", "gemini"),
    ),
    Feature(
        "document_citations",
        "the answer is to cite a document",
        _cells(_dropped("citations"), _dropped("citations"), CARRIED, _dropped("citations")),
        callers=("anthropic_messages",),
    ),
    Feature(
        "audio_input",
        "sound inside the body",
        _cells(CARRIED, CARRIED, Cell("refused", "", "the field that holds it is named"), CARRIED),
        callers=("openai_chat", "openai_responses", "gemini"),
    ),
    Feature("tools", "functions that the model may call", _EVERYWHERE),
    Feature("tool_choice_auto", "the model decides whether it calls", _EVERYWHERE),
    Feature("tool_choice_none", "the model may not call", _EVERYWHERE),
    Feature("tool_choice_required", "the model must call", _EVERYWHERE),
    Feature("tool_choice_named", "the model must call one certain function", _EVERYWHERE),
    Feature("tool_calls", "calls of the model in earlier turns, several at once too", _EVERYWHERE),
    Feature("tool_results", "what the functions gave", _EVERYWHERE),
    Feature(
        "tool_strict",
        "arguments follow their schema to the letter",
        _cells(CARRIED, CARRIED, CARRIED, _dropped("strict")),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "one_call_at_a_time",
        "no parallel calls",
        _cells(CARRIED, CARRIED, CARRIED, _dropped("parallel_tool_calls")),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "tool_result_error",
        "a function failed",
        _cells(_dropped("is_error"), _dropped("is_error"), CARRIED, CARRIED),
        callers=("anthropic_messages", "gemini"),
    ),
    Feature(
        "tool_result_image",
        "a function gave an image",
        _cells(_BESIDE, CARRIED, CARRIED, _BESIDE),
        callers=("openai_responses", "anthropic_messages"),
    ),
    Feature("json_schema", "the answer is JSON by a schema", _EVERYWHERE),
    Feature(
        "json_object",
        "the answer is some JSON object",
        _cells(CARRIED, CARRIED, _dropped("response_format"), CARRIED),
        callers=(*_OPENAI, "gemini"),
    ),
    Feature(
        "stop",
        "sequences that end the answer",
        _cells(CARRIED, _dropped("stop"), CARRIED, CARRIED),
        callers=("openai_chat", "anthropic_messages", "gemini"),
    ),
    Feature(
        "seed",
        "repeatable sampling",
        _cells(CARRIED, _dropped("seed"), _dropped("seed"), CARRIED),
        callers=("openai_chat", "gemini"),
    ),
    Feature(
        "n",
        "several answers at once",
        _cells(_refused("n"), _refused("n"), _refused("n"), _refused("n")),
        callers=("openai_chat", "gemini"),
    ),
    Feature(
        "logprobs",
        "log probabilities of the tokens",
        _cells(CARRIED, CARRIED, _dropped("logprobs"), CARRIED),
        callers=(*_OPENAI, "gemini"),
    ),
    Feature(
        "logit_bias",
        "a bias for certain tokens",
        _cells(CARRIED, _dropped("logit_bias"), _dropped("logit_bias"), _dropped("logit_bias")),
        callers=("openai_chat",),
    ),
    Feature(
        "presence_penalty",
        "a penalty for words that are there",
        _cells(CARRIED, _dropped("presence_penalty"), _dropped("presence_penalty"), CARRIED),
        callers=("openai_chat", "gemini"),
    ),
    Feature(
        "frequency_penalty",
        "a penalty for words that are there often",
        _cells(CARRIED, _dropped("frequency_penalty"), _dropped("frequency_penalty"), CARRIED),
        callers=("openai_chat", "gemini"),
    ),
    Feature("temperature", "how freely the model picks, 0 to 1", _EVERYWHERE),
    Feature(
        "temperature_above_1",
        "the upper half of OpenAI's scale",
        _cells(CARRIED, CARRIED, _near("1, the end of its scale", "temperature"), CARRIED),
        callers=("openai_chat", "openai_responses", "gemini"),
    ),
    Feature("top_p", "nucleus sampling", _EVERYWHERE),
    Feature(
        "top_k",
        "only the k likeliest tokens",
        _cells(_dropped("top_k"), _dropped("top_k"), CARRIED, CARRIED),
        callers=("openai_chat", "anthropic_messages", "gemini"),
    ),
    Feature("max_tokens", "a bound for the answer, in all its names", _EVERYWHERE),
    Feature(
        "reasoning_effort",
        "how hard the model thinks",
        _cells(CARRIED, CARRIED, CARRIED, _near("as a budget of tokens")),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "thinking_budget",
        "how many tokens the model may think",
        _cells(
            _near("as an effort", "thinking.budget_tokens"),
            _near("as an effort", "thinking.budget_tokens"),
            CARRIED,
            CARRIED,
        ),
        callers=("anthropic_messages", "gemini"),
    ),
    Feature("reasoning_off", "the model does not think", _EVERYWHERE),
    Feature(
        "thinking_history",
        "unsigned thoughts of earlier turns",
        _cells(CARRIED, _dropped("thinking"), _dropped("reasoning_content"), _dropped("thinking")),
        callers=("openai_chat",),
    ),
    Feature(
        "cache_marks",
        "where a prefix is to be cached",
        _cells(_dropped("cache_control"), _dropped("cache_control"), CARRIED, _dropped("cache_control")),
        callers=("openai_chat", "anthropic_messages"),
    ),
    Feature(
        "service_tier",
        "which tier serves the call",
        _cells(
            CARRIED, CARRIED, _near("default is standard_only; flex and priority are dropped"), _dropped("service_tier")
        ),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "metadata",
        "labels of the caller",
        _cells(CARRIED, CARRIED, _dropped("metadata"), _dropped("metadata")),
        callers=_OPENAI,
    ),
    Feature(
        "user",
        "the caller's end user",
        _cells(CARRIED, CARRIED, CARRIED, _dropped("user")),
        callers=(*_OPENAI, "anthropic_messages"),
    ),
    Feature(
        "verbosity",
        "how long the answer is to be",
        _cells(CARRIED, CARRIED, _dropped("verbosity"), _dropped("verbosity")),
        callers=_OPENAI,
    ),
    Feature(
        "server_tools",
        "tools that the provider runs itself",
        _cells(*(Cell("dropped", "tools.<type>") for _ in PROVIDERS)),
    ),
    Feature(
        "stored_state",
        "previous_response_id, conversation, background, prompt",
        _cells(*(Cell("refused", "", "the field itself is named") for _ in PROVIDERS)),
        callers=("openai_responses",),
    ),
)
