"""The body that goes to a provider: the caller's, in the provider's dialect, with what the operator adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.dialects import hub
from llm.spec import Dialect, Request, Target

NOTHING_RENAMED: Final[Mapping[str, str]] = {}

# These say which call it is; only the call itself may say them.
_OF_THE_CALL: Final = frozenset({"model", "messages", "input", "stream", "stream_options"})
# Two words for one thing: OpenAI refuses a body with both.
_SYNONYMS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


def build_body(
    request: Request, target: Target, *, dialect: Dialect, renamed: Mapping[str, str] = NOTHING_RENAMED
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The body, to be encoded with msgspec, and the names of the caller's features that `dialect` cannot carry.

    In the caller's own dialect only what the hub touches is touched. `renamed` gives the names that the provider
    wants instead of the dialect's, for translated bodies. Then the target's `parameters` fill what the caller left
    out, and its `extra_body` goes over all. InvalidRequest where the caller's body has wrong types.
    """
    dropped: tuple[str, ...] = ()
    if request.dialect == dialect:
        body: dict[str, object] = hub.passthrough_request(request, model=target.model_id)
    else:
        body, dropped = hub.translate_request(
            request, dialect, model=target.model_id, default_max_tokens=_default_max_tokens(target)
        )
        for name, wanted in renamed.items():
            if name in body:
                body[wanted] = body.pop(name)
    if target.parameters:
        _fill(body, target.parameters)
    if target.extra_body:
        body.update((name, value) for name, value in target.extra_body.items() if name not in _OF_THE_CALL)
    return body, dropped


def _default_max_tokens(target: Target) -> int | None:
    """The bound of an answer that the caller did not bound: the operator's default, else the model's own limit."""
    for name in _SYNONYMS:
        value = target.parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return target.max_tokens


def _fill(body: dict[str, object], parameters: Mapping[str, object]) -> None:
    for name, value in parameters.items():
        if name not in body and name not in _OF_THE_CALL and _SYNONYMS.get(name) not in body:
            body[name] = value
