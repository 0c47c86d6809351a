"""Rows of the table: what the model thought, refused and cited in earlier turns."""

from __future__ import annotations

from typing import Final

from llm.dialects.features.cell import (
    CARRIED,
    CARRIED_EVERYWHERE,
    NOT_GEMINI,
    OPENAI,
    Feature,
    cells,
    dropped,
    everywhere,
    near,
)

HISTORY: Final[tuple[Feature, ...]] = (
    Feature(
        "thinking_unsigned",
        "thoughts of earlier turns that nobody signed",
        cells(CARRIED, dropped("thinking"), dropped("thinking"), dropped("thinking")),
    ),
    Feature(
        "thinking_signed",
        "thoughts with a signature, back to a provider of the dialect that signed them",
        CARRIED_EVERYWHERE,
    ),
    Feature(
        "thinking_signed_elsewhere",
        "thoughts with a signature that the provider cannot read",
        everywhere(dropped("thinking")),
    ),
    Feature(
        "thinking_redacted",
        "thoughts that only their provider can read, back to a provider of its dialect",
        CARRIED_EVERYWHERE,
    ),
    Feature(
        "thinking_redacted_elsewhere",
        "thoughts that only another provider can read",
        everywhere(dropped("thinking")),
    ),
    Feature(
        "refusal",
        "what the model refused in earlier turns",
        cells(CARRIED, CARRIED, near("as text"), near("as text")),
        callers=OPENAI,
    ),
    Feature(
        "citations_of_pages",
        "web pages that an earlier answer cites",
        cells(dropped("citations"), CARRIED, dropped("citations"), dropped("citations")),
        callers=NOT_GEMINI,
    ),
    Feature(
        "citations_of_documents",
        "documents of the caller that an earlier answer cites",
        everywhere(dropped("citations")),
        callers=("openai_responses", "anthropic_messages"),
    ),
)
