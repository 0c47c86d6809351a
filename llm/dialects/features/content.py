"""Rows of the table: what users and systems say."""

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

_TO_THE_FRONT: Final = near("moved to the front", "messages.system_position")
_CANNOT: Final = refused("messages")
_AS_TEXT: Final = near("as text with its title")

CONTENT: Final[tuple[Feature, ...]] = (
    Feature("system", "system instructions before the conversation", CARRIED_EVERYWHERE),
    Feature(
        "system_position",
        "a system message in the middle of the conversation",
        cells(CARRIED, CARRIED, _TO_THE_FRONT, _TO_THE_FRONT),
        callers=NOT_GEMINI,
    ),
    Feature(
        "developer",
        "the role developer",
        cells(CARRIED, CARRIED, near("as system"), near("as system")),
        callers=OPENAI,
    ),
    Feature("multi_turn", "earlier turns of user and model", CARRIED_EVERYWHERE),
    Feature("image_base64", "an image inside the body", CARRIED_EVERYWHERE),
    Feature("image_url", "an image by its address", CARRIED_EVERYWHERE),
    Feature(
        "image_detail",
        "how closely an image is looked at",
        cells(CARRIED, CARRIED, dropped("detail"), dropped("detail")),
        callers=OPENAI,
    ),
    Feature("pdf_base64", "a PDF inside the body", CARRIED_EVERYWHERE),
    Feature(
        "pdf_url",
        "a PDF by its address",
        cells(_CANNOT, CARRIED, CARRIED, CARRIED),
        callers=("openai_responses", "anthropic_messages", "gemini"),
    ),
    Feature(
        "pdf_url_title",
        "the name of such a PDF",
        cells(_CANNOT, dropped("title"), CARRIED, dropped("title")),
        callers=("openai_responses", "anthropic_messages", "gemini"),
    ),
    Feature("text_document", "a plain text as a document", cells(_AS_TEXT, _AS_TEXT, CARRIED, CARRIED)),
    Feature("document_title", "the name of a file", cells(CARRIED, CARRIED, CARRIED, dropped("title"))),
    Feature(
        "document_citations",
        "the answer is to cite a document",
        cells(dropped("citations"), dropped("citations"), CARRIED, dropped("citations")),
        callers=("anthropic_messages",),
    ),
    Feature(
        "audio_input",
        "sound inside the body, WAV or MP3",
        cells(CARRIED, Cell("carried", "", "not all providers take it"), _CANNOT, CARRIED),
        callers=NOT_MESSAGES,
    ),
    Feature(
        "audio_input_other",
        "sound inside the body, of another format",
        cells(_CANNOT, _CANNOT, _CANNOT, CARRIED),
        callers=("gemini",),
    ),
    Feature(
        "file_id",
        "a file that one provider keeps, by its id",
        everywhere(refused("", "the field that holds it is named")),
    ),
    Feature(
        "cache_marks",
        "where a prefix is to be cached",
        cells(dropped("cache_control"), dropped("cache_control"), CARRIED, dropped("cache_control")),
        callers=("openai_chat", "anthropic_messages"),
    ),
    Feature(
        "cache_marks_above_4",
        "more than four such places",
        cells(
            dropped("cache_control"),
            dropped("cache_control"),
            near("the first four", "cache_control"),
            dropped("cache_control"),
        ),
        callers=("openai_chat", "anthropic_messages"),
    ),
    Feature(
        "cache_marks_longer_behind",
        "one for an hour behind one for five minutes",
        cells(
            dropped("cache_control"),
            dropped("cache_control"),
            near("both for five minutes", "cache_control"),
            dropped("cache_control"),
        ),
        callers=("openai_chat", "anthropic_messages"),
    ),
)
