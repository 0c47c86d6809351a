"""What operators and lists of models call the abilities of a model. `llm.policies.capability` judges calls by them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

Capability: TypeAlias = Literal["tools", "vision", "audio", "documents", "json", "reasoning"]
CAPABILITIES: Final[frozenset[Capability]] = frozenset(get_args(Capability))

# "text": nothing but text.
WORDS: Final[Mapping[str, Capability | Literal["text"]]] = {
    **{capability: capability for capability in get_args(Capability)},
    **dict.fromkeys(("function_calling", "functions", "tool_calling", "tool_use"), "tools"),
    **dict.fromkeys(("image", "images", "image_input"), "vision"),
    **dict.fromkeys(("audio_input",), "audio"),
    **dict.fromkeys(("document", "files", "pdf", "pdf_input"), "documents"),
    **dict.fromkeys(
        ("json_mode", "json_object", "json_schema", "response_schema", "structured_output", "structured_outputs"),
        "json",
    ),
    **dict.fromkeys(("thinking", "extended_thinking"), "reasoning"),
    **dict.fromkeys(("text", "chat", "completion"), "text"),
}


@lru_cache(maxsize=1024)
def missing(declared: frozenset[str]) -> frozenset[Capability]:
    """What a model with these words cannot do; nothing where they do not say. Case, `-` and spaces do not count, nor
    does `supports_` before a word."""
    said = {WORDS.get(_plain(word)) for word in declared} - {None}
    if not said:
        return frozenset()
    lacking = CAPABILITIES - said
    # What reads images reads PDFs, at every provider that takes PDFs.
    return lacking - {"documents"} if "vision" in said else lacking


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_").removeprefix("supports_")
