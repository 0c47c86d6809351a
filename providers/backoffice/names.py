"""The old system's names and words, as they are here. Pure: None or a note where something does not fit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from providers import kinds
from providers.models import ProviderModel, natural_key_validator

FALLBACK_KIND = "openai_compatible"
_KINDS = {
    "azure": "azure_openai",
    "azureopenai": "azure_openai",
    "claude": "anthropic",
    "google": "gemini",
    "google_gemini": "gemini",
    "google_genai": "gemini",
    "chatgpt": "openai",
    "open_ai": "openai",
}
_TYPES = {
    "chat_completion": "chat",
    "chat_completions": "chat",
    "llm": "chat",
    "text": "completion",
    "text_completion": "completion",
    "embeddings": "embedding",
    "text_embedding": "embedding",
    "reranker": "rerank",
    "image_generation": "image",
    "speech": "audio",
    "transcription": "audio",
}
_ENVIRONMENTS = {
    **dict.fromkeys(("", "all", "any", "default", "global", "*"), ""),
    **dict.fromkeys(("development", "dev", "local"), "development"),
    **dict.fromkeys(("staging", "stage"), "staging"),
    **dict.fromkeys(("production", "prod", "live"), "production"),
}


def provider_ids(old: Collection[str]) -> dict[str, str]:
    """Old provider_id -> the one here. Those that fit stay; of two that would become one, the later gets a suffix."""
    found = {name: name for name in old if natural_key_validator.regex.search(name)}
    for name in sorted(set(old) - set(found)):
        made = _slug(name)
        taken = set(found.values())
        if not made or made in taken:
            made = f"{made[:55] or 'provider'}-{hashlib.sha256(name.encode()).hexdigest()[:7]}"
        found[name] = made
    return found


def _slug(name: str) -> str:
    made = re.sub(r"[^a-z0-9._-]+", "-", name.lower())
    return re.sub(r"^[^a-z0-9]+", "", made)[:63].rstrip("-")


def kind(old: str) -> str | None:
    """The provider's kind; None for one that there is no adapter for."""
    word = re.sub(r"[\s-]+", "_", old.strip().lower())
    if kinds.is_known(word):
        return word
    return _KINDS.get(word)


def model_type(old: str) -> str | None:
    word = re.sub(r"[\s-]+", "_", old.strip().lower())
    if word in ProviderModel.Type.values:
        return word
    return _TYPES.get(word)


def environment(old: str) -> str | None:
    """The environment, "" for every one; None for a word that is none of ours."""
    return _ENVIRONMENTS.get(old.strip().lower())
