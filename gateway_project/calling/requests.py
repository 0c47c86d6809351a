"""From arguments, or from a line of a batch over them, to an LLMRequest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway_project.calling.arguments import WHICH_MODEL
from gateway_project.calling.usage import WrongUsage
from llm_gateway_client import InterventionContext, LLMConfig, LLMRequest, asking

# What a line of a batch may say, beside its prompt.
_FIELDS: Final = (
    "model",
    "system",
    "temperature",
    "max_tokens",
    "timeout",
    "tags",
    "session",
    "user",
    "request_id",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch. `number` is its line in the file, from 1; `digest` tells whether it is still the same."""

    number: int
    digest: str
    request: LLMRequest


def of_options(prompt: str, options: Mapping[str, Any]) -> LLMRequest:
    return _request(prompt, said(options))


def of_batch(text: str, options: Mapping[str, Any]) -> list[Line]:
    """WrongUsage, with the line's number, for what is no request: then nothing is to be sent. Empty lines are none."""
    defaults = said(options)
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                request = _of_line(line.strip(), defaults)
            except WrongUsage as error:
                raise WrongUsage(f"Line {number}: {error}") from error
            found.append(Line(number, digest(line), request))
    if not found:
        raise WrongUsage("There is no request in the batch.")
    return found


def digest(line: str) -> str:
    return hashlib.sha256(line.strip().encode()).hexdigest()[:16]


def said(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the arguments say of a call, by the names that a line of a batch has for it."""
    named = {name: options[name] for name in ("model", "system", "temperature", "max_tokens", "timeout")}
    return {**named, "session": options["session"], "user": options["user"], "tags": _tags(options["tag"])}


def _tags(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for tag in given:
        name, _, value = tag.partition("=")
        found[name.strip()] = value.strip()
    return found


def _of_line(line: str, defaults: Mapping[str, Any]) -> LLMRequest:
    """A line that is no JSON object and no JSON string is a prompt as it stands."""
    if line[0] not in '{"':
        return _request(line, defaults)
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        if line[0] == '"':
            return _request(line, defaults)
        raise WrongUsage("it is no JSON; a text that begins with { must be written as a JSON string.") from None
    if isinstance(given, str):
        return _request(given, defaults)
    if "prompt" not in given:
        raise WrongUsage('the object has no "prompt".')
    unknown = sorted(given.keys() - {"prompt", *_FIELDS})
    if unknown:
        raise WrongUsage(f'the object has no field "{unknown[0]}" ({", ".join(_FIELDS)}).')
    own = {name: value for name, value in given.items() if value is not None}
    prompt = own.pop("prompt", "")
    if isinstance(own.get("tags"), dict):
        own["tags"] = {**defaults["tags"], **own["tags"]}
    return _request(prompt, {**defaults, **own})


def _request(prompt: Any, said: Mapping[str, Any]) -> LLMRequest:
    """The client's own words for what is wrong name the field, and hold nothing of the prompt."""
    if not said["model"]:
        raise WrongUsage(WHICH_MODEL)
    if not prompt:
        raise WrongUsage("the prompt is empty.")
    try:
        request = LLMRequest(
            prompt_content=prompt,
            config=LLMConfig(
                model_identifier=said["model"],
                temperature=said["temperature"],
                max_tokens=said["max_tokens"],
                timeout_seconds=said["timeout"],
                system_prompt=said["system"],
            ),
            initial_context=InterventionContext(session_id=said["session"], user_id=said["user"], tags=said["tags"]),
            request_id=said.get("request_id"),
        )
        asking.chat_body(request)  # half of a surrogate pair, or bytes of a command line that are no UTF-8
    except (TypeError, ValueError) as error:
        raise WrongUsage(str(error)) from error
    return request
