"""Rows of the table: how the answer is to be made."""

from __future__ import annotations

from typing import Final

from llm.dialects.features.cell import (
    ALL,
    CARRIED,
    CARRIED_EVERYWHERE,
    NOT_MESSAGES,
    NOT_RESPONSES,
    OPENAI,
    Feature,
    cells,
    dropped,
    everywhere,
    near,
    refused,
)
from llm.spec import Dialect

_SAMPLERS: Final[tuple[Dialect, ...]] = ("openai_chat", "gemini", "openai_completions")
_STOPPERS: Final[tuple[Dialect, ...]] = (*NOT_RESPONSES, "openai_completions")
_THINKS_BY_BUDGET: Final[tuple[Dialect, ...]] = ("anthropic_messages", "gemini")
_AS_EFFORT: Final = near("as an effort", "thinking.budget_tokens")
_STRICT_ANYWAY: Final = near("a schema is always kept to")

ANSWER: Final[tuple[Feature, ...]] = (
    Feature("json_schema", "the answer is JSON by a schema", CARRIED_EVERYWHERE),
    Feature(
        "json_schema_strict",
        "the answer follows its schema to the letter",
        cells(CARRIED, CARRIED, _STRICT_ANYWAY, _STRICT_ANYWAY),
        callers=OPENAI,
    ),
    Feature(
        "json_schema_description",
        "what the answer's schema is for",
        cells(CARRIED, CARRIED, dropped("response_format.description"), dropped("response_format.description")),
        callers=OPENAI,
    ),
    Feature(
        "json_object",
        "the answer is some JSON object",
        cells(CARRIED, CARRIED, dropped("response_format"), CARRIED),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "output_media",
        "the answer is sound or an image",
        everywhere(refused("", "the field that says so is named")),
        callers=("openai_chat", "gemini"),
    ),
    Feature(
        "stop",
        "sequences that end the answer",
        cells(CARRIED, dropped("stop"), CARRIED, CARRIED),
        callers=_STOPPERS,
    ),
    Feature(
        "stop_above_5",
        "more than five such sequences",
        cells(CARRIED, dropped("stop"), CARRIED, near("the first five", "stop")),
        callers=_STOPPERS,
    ),
    Feature(
        "stop_white_space",
        "sequences of white space only",
        cells(CARRIED, dropped("stop"), dropped("stop"), CARRIED),
        callers=_STOPPERS,
    ),
    Feature(
        "seed",
        "repeatable sampling",
        cells(CARRIED, dropped("seed"), dropped("seed"), CARRIED),
        callers=_SAMPLERS,
    ),
    Feature("n", "several answers at once", everywhere(refused("n")), callers=_SAMPLERS),
    Feature(
        "logprobs",
        "log probabilities of the tokens",
        cells(CARRIED, CARRIED, dropped("logprobs"), CARRIED),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "logit_bias",
        "a bias for certain tokens",
        cells(CARRIED, dropped("logit_bias"), dropped("logit_bias"), dropped("logit_bias")),
        callers=("openai_chat", "openai_completions"),
    ),
    Feature(
        "presence_penalty",
        "a penalty for words that are there",
        cells(CARRIED, dropped("presence_penalty"), dropped("presence_penalty"), CARRIED),
        callers=_SAMPLERS,
    ),
    Feature(
        "frequency_penalty",
        "a penalty for words that are there often",
        cells(CARRIED, dropped("frequency_penalty"), dropped("frequency_penalty"), CARRIED),
        callers=_SAMPLERS,
    ),
    Feature("temperature", "how freely the model picks, 0 to 1", CARRIED_EVERYWHERE, callers=ALL),
    Feature(
        "temperature_above_1",
        "the upper half of OpenAI's scale",
        cells(CARRIED, CARRIED, near("1, the end of its scale", "temperature"), CARRIED),
        callers=(*NOT_MESSAGES, "openai_completions"),
    ),
    Feature("top_p", "nucleus sampling", CARRIED_EVERYWHERE, callers=ALL),
    Feature(
        "top_k",
        "only the k likeliest tokens",
        cells(dropped("top_k"), dropped("top_k"), CARRIED, CARRIED),
        callers=_STOPPERS,
    ),
    Feature("max_tokens", "a bound for the answer", CARRIED_EVERYWHERE, callers=ALL),
    Feature(
        "max_tokens_old_name",
        "the bound by its older name, max_tokens",
        CARRIED_EVERYWHERE,
        callers=("openai_chat",),
    ),
    Feature(
        "reasoning_effort",
        "how hard the model thinks",
        cells(CARRIED, CARRIED, CARRIED, near("as a budget of tokens")),
    ),
    Feature(
        "reasoning_effort_minimal",
        "the model thinks as little as it can",
        cells(CARRIED, CARRIED, near("low, the least that it has"), near("as a budget of tokens")),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "thinking_budget",
        "how many tokens the model may think",
        cells(_AS_EFFORT, _AS_EFFORT, CARRIED, CARRIED),
        callers=_THINKS_BY_BUDGET,
    ),
    Feature(
        "thinking_budget_below_1024",
        "a very small number of them",
        cells(_AS_EFFORT, _AS_EFFORT, near("1,024, the least that it takes", "thinking.budget_tokens"), CARRIED),
        callers=("gemini",),
    ),
    Feature(
        "thinking_budget_above_bound",
        "more of them than the answer may have",
        cells(_AS_EFFORT, _AS_EFFORT, refused("thinking.budget_tokens"), CARRIED),
        callers=_THINKS_BY_BUDGET,
    ),
    Feature(
        "thinking_budget_with_forced_call",
        "thinking by a number of tokens, where the model must call a function",
        cells(_AS_EFFORT, _AS_EFFORT, dropped("thinking.budget_tokens"), CARRIED),
        callers=_THINKS_BY_BUDGET,
    ),
    Feature("reasoning_off", "the model does not think", CARRIED_EVERYWHERE),
    Feature(
        "thoughts_shown",
        "the caller wants to read the thoughts",
        cells(
            near("they come wherever the provider gives them"),
            CARRIED,
            near("they come wherever the model thinks"),
            CARRIED,
        ),
        callers=("openai_responses", "anthropic_messages", "gemini"),
    ),
    Feature(
        "verbosity",
        "how long the answer is to be",
        cells(CARRIED, CARRIED, dropped("verbosity"), dropped("verbosity")),
        callers=OPENAI,
    ),
)
