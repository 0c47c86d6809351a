"""The body that goes to a provider: the caller's, in the provider's dialect, with what the operator adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from llm.dialects import hub
from llm.errors import Unsupported
from llm.spec import COUNT, Dialect, Request, Target

NOTHING_RENAMED: Final[Mapping[str, str]] = {}

# These say which call it is; only the call itself may say them.
OF_THE_CALL: Final = frozenset({"model", "messages", "input", "contents", "stream", "stream_options"})
_OF_A_SURFACE: Final = OF_THE_CALL | {"prompt", "query", "documents"}
# Two words for one thing: OpenAI refuses a body with both.
_SYNONYMS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


# The operator's defaults that a surface knows: his others are for conversations with the same model.
_DEFAULTS: Final[Mapping[str, frozenset[str]]] = {
    "embeddings": frozenset({"dimensions", "encoding_format"}),
    "rerank": frozenset({"top_n", "return_documents"}),
    "images/generations": frozenset(
        {"n", "size", "quality", "style", "response_format", "background", "output_format", "output_compression"}
    ),
    "audio/speech": frozenset({"voice", "response_format", "speed", "instructions"}),
    "completions": frozenset(
        {
            "max_tokens",
            "temperature",
            "top_p",
            "stop",
            "seed",
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
        }
    ),
}


def fill_top_level(body: dict[str, object], parameters: Mapping[str, object]) -> None:
    """Puts in what the body has not."""
    for name, value in parameters.items():
        if name not in body and name not in OF_THE_CALL and _SYNONYMS.get(name) not in body:
            body[name] = value


def build_body(
    request: Request,
    target: Target,
    *,
    dialect: Dialect,
    renamed: Mapping[str, str] = NOTHING_RENAMED,
    fill: Callable[[dict[str, object], Mapping[str, object]], None] = fill_top_level,
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The body, to be encoded with msgspec, and the names of the caller's features that `dialect` cannot carry.

    In the caller's own dialect only what the hub touches is touched. `renamed` gives the names that the provider
    wants instead of the dialect's, for translated bodies. Then the target's `parameters` fill what the caller left
    out (`fill` knows where they stand in a body of `dialect`), and its `extra_body` goes over all. InvalidRequest
    where the caller's body has wrong types.
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
        fill(body, target.parameters)
    if target.extra_body:
        body.update((name, value) for name, value in target.extra_body.items() if name not in OF_THE_CALL)
    return body, dropped


def refuse_dropped(request: Request, dropped: tuple[str, ...]) -> None:
    """Unsupported, with the first field as `param`, where the request may lose none."""
    if dropped and request.strict:
        raise Unsupported(
            f"The field '{dropped[0]}' cannot be carried to the provider of this model, and the route does not allow "
            "to drop it.",
            param=dropped[0],
        )


def build_surface_body(request: Request, target: Target) -> dict[str, object]:
    """The JSON body of a surface: the caller's with another model, and of a stream its usage asked for. Of the
    target's `parameters` those that the surface knows fill what the caller left out, and its `extra_body` goes over all
    but what the call is about. A count gets neither: it is of what the caller wrote."""
    body: dict[str, object] = hub.passthrough_request(request, model=target.model_id)
    if request.surface == COUNT:
        return body
    known = _DEFAULTS.get(request.surface, frozenset())
    for name, value in target.parameters.items():
        if name in known:
            body.setdefault(name, value)
    body.update((name, value) for name, value in target.extra_body.items() if name not in _OF_A_SURFACE)
    return body


def _default_max_tokens(target: Target) -> int | None:
    """The bound of an answer that the caller did not bound: the operator's default, else the model's own limit."""
    for name in _SYNONYMS:
        value = target.parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return target.max_tokens
