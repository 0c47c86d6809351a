"""What is known of servers that speak OpenAI's chat completions, as data, found by the address of the base URL.

Partly from the vendors' pages and the issues of their users, partly what is generally known of them; none was tried
against the live service. A server that is in no row gets every field as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_OLDER_BOUND: Final = {"max_completion_tokens": "max_tokens"}


@dataclass(frozen=True, slots=True)
class CompatibleRow:
    """`address` is the host of the service, or `:port` for a server that the operator runs anywhere. `renamed`: the
    dialect's name of a field -> the server's. `refused`: fields that it refuses, or takes and does not heed."""

    label: str
    address: str
    base_url: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


ROWS: Final = (
    CompatibleRow(
        "Mistral",
        "api.mistral.ai",
        "https://api.mistral.ai/v1",
        # 422 extra_forbidden: https://github.com/mistralai/platform-docs-public/issues/7
        renamed={**_OLDER_BOUND, "seed": "random_seed"},
        refused=("logit_bias", "logprobs", "metadata", "store", "top_logprobs", "user"),
    ),
    CompatibleRow(
        "Groq",
        "api.groq.com",
        "https://api.groq.com/openai/v1",
        # 400: https://console.groq.com/docs/openai
        refused=("logit_bias", "logprobs", "top_logprobs"),
    ),
    CompatibleRow("DeepSeek", "api.deepseek.com", "https://api.deepseek.com/v1", renamed=_OLDER_BOUND),
    CompatibleRow("xAI", "api.x.ai", "https://api.x.ai/v1", refused=("logit_bias",)),
    CompatibleRow("OpenRouter", "openrouter.ai", "https://openrouter.ai/api/v1"),
    CompatibleRow("Together", "api.together.xyz", "https://api.together.xyz/v1", renamed=_OLDER_BOUND),
    CompatibleRow("Fireworks", "api.fireworks.ai", "https://api.fireworks.ai/inference/v1", renamed=_OLDER_BOUND),
    CompatibleRow(
        "Cohere",
        "api.cohere.ai",
        "https://api.cohere.ai/compatibility/v1",
        # https://docs.cohere.com/docs/compatibility-api
        renamed=_OLDER_BOUND,
        refused=(
            "audio",
            "logit_bias",
            "metadata",
            "modalities",
            "n",
            "parallel_tool_calls",
            "prediction",
            "service_tier",
            "store",
            "top_logprobs",
        ),
    ),
    CompatibleRow(
        "Ollama",
        ":11434",
        "http://localhost:11434/v1",
        # Not among the fields of https://docs.ollama.com/api/openai-compatibility: not heeded.
        renamed=_OLDER_BOUND,
        refused=("logit_bias", "n", "user"),
    ),
    CompatibleRow("vLLM", ":8000", "http://localhost:8000/v1"),
    CompatibleRow("llama.cpp", ":8080", "http://localhost:8080/v1", renamed=_OLDER_BOUND),
    CompatibleRow("LM Studio", ":1234", "http://localhost:1234/v1", renamed=_OLDER_BOUND),
)
_BY_ADDRESS: Final = {row.address: row for row in ROWS}


def row_of(base_url: str) -> CompatibleRow | None:
    """None where nothing is known of the server."""
    parts = urlsplit(base_url)
    return _BY_ADDRESS.get(parts.hostname or "") or _BY_ADDRESS.get(f":{parts.port}")


def fitted(body: dict[str, object], row: CompatibleRow, *, kept: Collection[str] = ()) -> tuple[str, ...]:
    """Makes the body fit the server, in place, but for the fields `kept`. The names of what was dropped."""
    dropped = []
    for name, wanted in row.renamed.items():
        if name in body and name not in kept:
            value = body.pop(name)
            if wanted in body:
                dropped.append(name)
            else:
                body[wanted] = value
    for name in row.refused:
        if name in body and name not in kept:
            del body[name]
            dropped.append(name)
    return tuple(dropped)


def table() -> str:
    """The rows for the documentation."""
    lines = ["| Server | Base URL | Found by | Renamed | Dropped and named |", "|---|---|---|---|---|"]
    for row in ROWS:
        renamed = ", ".join(f"`{name}` to `{wanted}`" for name, wanted in row.renamed.items()) or "-"
        refused = ", ".join(f"`{name}`" for name in row.refused) or "-"
        lines.append(f"| {row.label} | `{row.base_url}` | `{row.address}` | {renamed} | {refused} |")
    return "\n".join(lines) + "\n"
