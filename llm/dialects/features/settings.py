"""Rows of the table: whom the call is for, who serves it, and what is kept of it."""

from __future__ import annotations

from typing import Final

from llm.dialects.features.cell import (
    CARRIED,
    CARRIED_EVERYWHERE,
    NOT_GEMINI,
    NOT_MESSAGES,
    OPENAI,
    Feature,
    cells,
    dropped,
    everywhere,
    refused,
)

SETTINGS: Final[tuple[Feature, ...]] = (
    Feature("service_tier_default", "the usual tier serves the call, no better one", CARRIED_EVERYWHERE),
    Feature(
        "service_tier",
        "a certain other tier serves the call: flex, priority",
        cells(CARRIED, CARRIED, dropped("service_tier"), CARRIED),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "metadata",
        "labels of the caller",
        cells(CARRIED, CARRIED, dropped("metadata"), dropped("metadata")),
        callers=OPENAI,
    ),
    Feature(
        "user",
        "the caller's end user",
        cells(CARRIED, CARRIED, CARRIED, dropped("user")),
        callers=(*NOT_GEMINI, "openai_completions"),
    ),
    Feature(
        "store",
        "the provider is to keep the answer",
        everywhere(dropped("store")),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "stored_state",
        "a part of the conversation that one provider keeps: previous_response_id, cachedContent and others",
        everywhere(refused("", "the field itself is named")),
        callers=("openai_responses", "gemini"),
    ),
    Feature(
        "prompt_forms",
        "suffix, echo, best_of, logprobs, and prompts of tokens, of /v1/completions",
        everywhere(refused("", "the field itself is named")),
        callers=("openai_completions",),
    ),
    Feature(
        "no_word_elsewhere",
        "any other field that only the caller's dialect has",
        everywhere(dropped("", "by its own name")),
        callers=(*NOT_MESSAGES, "anthropic_messages", "openai_completions"),
    ),
)
