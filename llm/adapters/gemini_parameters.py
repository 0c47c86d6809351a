"""An operator's defaults in a generateContent request: most of them stand in `generationConfig`, by other names.

They may be written in OpenAI's words or in Gemini's own. What Gemini has no word for is left out: it refuses a body
with an unknown field. https://ai.google.dev/api/generate-content (read in November 2026)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from llm.adapters.outgoing import OF_THE_CALL
from llm.dialects.fields import BAD_JSON, OBJECT
from llm.dialects.gemini.names import camel
from llm.dialects.reasoning import EFFORT_OF_WORD, budget_of

_CONFIG: Final = "generationConfig"
_RENAMED: Final = {
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "reasoning_effort": "thinkingConfig",
}
_IN_CONFIG: Final = frozenset(
    {
        "maxOutputTokens",
        "temperature",
        "topP",
        "topK",
        "stopSequences",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "thinkingConfig",
        "mediaResolution",
        "responseModalities",
        "speechConfig",
        "imageConfig",
    }
)
_ON_TOP: Final = frozenset({"safetySettings", "cachedContent", "systemInstruction", "tools", "toolConfig"})


def fill(body: dict[str, object], parameters: Mapping[str, object]) -> None:
    """Puts in what the body has not, at its place. A `generationConfig` of the caller's that is no object stays as it
    is: the provider says what is wrong with it."""
    config, place = _config(body)
    if config is None:
        return
    said = {camel(name) for name in config}
    given = {camel(name) for name in body}
    before = len(config)
    for name, value in parameters.items():
        if name in OF_THE_CALL:
            continue
        wanted, fitting = _written(name, value)
        if wanted in _IN_CONFIG and wanted not in said:
            said.add(wanted)
            config[wanted] = fitting
        elif wanted in _ON_TOP and wanted not in given:
            body[wanted] = fitting
    if len(config) > before:
        body[place] = config


def _config(body: Mapping[str, object]) -> tuple[dict[str, object] | None, str]:
    """A copy of the body's own, and the name under which it stands; None where it is no object."""
    place = next((name for name in body if camel(name) == _CONFIG), _CONFIG)
    found = body.get(place, {})
    if isinstance(found, msgspec.Raw):
        try:
            return dict(OBJECT.decode(found)), place
        except BAD_JSON:
            return None, place
    return (dict(found) if isinstance(found, dict) else None), place


def _written(name: str, value: object) -> tuple[str, object]:
    """Gemini's name and value of one parameter; the name is "" where the value has no meaning for Gemini."""
    wanted = _RENAMED.get(name) or camel(name)
    if name == "stop" and isinstance(value, str):
        return wanted, [value]
    if name == "logprobs" and not isinstance(value, bool):
        return name, value  # Gemini's own word: how many
    if name == "reasoning_effort":
        budget = _budget(value)
        return ("", None) if budget is None else (wanted, {"thinkingBudget": budget})
    return wanted, value


def _budget(effort: object) -> int | None:
    """In tokens, as for a caller's own `reasoning_effort`."""
    if effort == "none":
        return 0
    word = EFFORT_OF_WORD.get(str(effort))
    return None if word is None else budget_of(word)
