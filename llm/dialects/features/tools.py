"""Rows of the table: functions that the model may call, and what the provider runs itself."""

from __future__ import annotations

from typing import Final

from llm.dialects.features.cell import (
    CARRIED,
    CARRIED_EVERYWHERE,
    NOT_GEMINI,
    NOT_MESSAGES,
    OPENAI,
    Cell,
    Feature,
    cells,
    dropped,
    everywhere,
    near,
    refused,
)

_BESIDE: Final = near("what is no text goes into the user's message behind the result")

TOOLS: Final[tuple[Feature, ...]] = (
    Feature("tools", "functions that the model may call", CARRIED_EVERYWHERE),
    Feature("tool_choice_auto", "the model decides whether it calls", CARRIED_EVERYWHERE),
    Feature("tool_choice_none", "the model may not call", CARRIED_EVERYWHERE),
    Feature("tool_choice_required", "the model must call", CARRIED_EVERYWHERE),
    Feature("tool_choice_named", "the model must call one certain function", CARRIED_EVERYWHERE),
    Feature(
        "tool_choice_several",
        "the model must call one of certain functions",
        everywhere(Cell("carried", "", "the other functions are not offered")),
        callers=NOT_MESSAGES,
    ),
    Feature("tool_calls", "calls of the model in earlier turns, several at once too", CARRIED_EVERYWHERE),
    Feature(
        "tool_call_no_object",
        "an earlier call whose arguments are no JSON object",
        cells(CARRIED, CARRIED, refused("messages"), refused("messages")),
        callers=OPENAI,
    ),
    Feature(
        "tool_result_no_call",
        "a result of a call that is not in the conversation",
        cells(CARRIED, CARRIED, CARRIED, refused("messages")),
        callers=NOT_GEMINI,
    ),
    Feature("tool_results", "what the functions gave", CARRIED_EVERYWHERE),
    Feature(
        "tool_result_error",
        "a function failed",
        cells(dropped("is_error"), dropped("is_error"), CARRIED, CARRIED),
        callers=("anthropic_messages", "gemini"),
    ),
    Feature("tool_result_image", "a function gave an image", cells(_BESIDE, CARRIED, CARRIED, _BESIDE)),
    Feature("tool_result_document", "a function gave a PDF", cells(_BESIDE, CARRIED, CARRIED, _BESIDE)),
    Feature(
        "tool_strict",
        "arguments follow their schema to the letter",
        cells(CARRIED, CARRIED, CARRIED, dropped("strict")),
        callers=NOT_GEMINI,
    ),
    Feature(
        "one_call_at_a_time",
        "no parallel calls",
        cells(CARRIED, CARRIED, CARRIED, dropped("parallel_tool_calls")),
        callers=NOT_GEMINI,
    ),
    Feature(
        "server_tools",
        "tools that the provider runs itself",
        everywhere(dropped("", "the header says `tools.` and the tool's type")),
    ),
    Feature(
        "server_tool_forced",
        "the model must use a certain one of these",
        everywhere(refused("", "the field that says so is named")),
        callers=NOT_GEMINI,
    ),
    Feature(
        "server_tools_forced",
        "the model must call, and there are only these",
        everywhere(refused("", "the field that says so is named")),
    ),
)
