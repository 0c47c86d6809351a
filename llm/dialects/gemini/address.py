"""Where a call of the hub goes at Gemini: the model and whether to stream stand in the URL, not in the body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from llm.dialects.grammar import Body
from llm.errors import InvalidRequest

# https://ai.google.dev/gemini-api/docs/thought-signatures: for calls that no Gemini made.
STAND_IN: Final = "skip_thought_signature_validator"
_GENERATION: Final = re.compile(r"gemini-(\d+)")
_NEWEST: Final = re.compile(r"gemini-[a-z-]*latest$")


class Address(msgspec.Struct, frozen=True):
    """`path` follows the base URL and its version ("v1beta"): "models/gemini-2.5-flash:generateContent"."""

    path: str
    body: Body


def split(body: Mapping[str, object]) -> Address:
    """A body as the hub makes it (`model` and `stream` in it), as Gemini takes it.

    What depends on the model is done here to the hub's own contents (a caller's own body stays as it came): calls
    have no ids up to Gemini 2, and need a signature from Gemini 3 on.
    """
    rest = {name: value for name, value in body.items() if name not in ("model", "stream")}
    model = str(body.get("model") or "")
    contents = rest.get("contents")
    if isinstance(contents, list):
        generation = _generation(model)
        if generation in (1, 2):
            contents = [_without_ids(content) for content in contents]
        elif generation is not None:
            contents = _signed(contents)
        rest["contents"] = contents
    return Address(f"{quote(resource(model), safe='/')}:{_verb(body.get('stream'))}", rest)


def resource(model: str) -> str:
    """The model's name as Gemini writes it: "models/gemini-2.5-flash". InvalidRequest for a name that would lead
    elsewhere: callers may name models freely where the operator lets them, and no quoting keeps dots in their place."""
    if {".", ".."} & set(model.split("/")):
        raise InvalidRequest("This is no name of a model.", param="model")
    return model if "/" in model else f"models/{model}"


def _verb(stream: object) -> str:
    streamed = stream is True or (isinstance(stream, msgspec.Raw) and bytes(stream) == b"true")
    return "streamGenerateContent?alt=sse" if streamed else "generateContent"


def _generation(model: str) -> int | None:
    """3 for gemini-3-pro, and for what always names the newest; None where the name does not tell."""
    found = _GENERATION.search(model)
    if found is not None:
        return int(found[1][:3])
    return 3 if _NEWEST.search(model) else None


def _without_ids(content: Body) -> Body:
    """Of calls and results. Until 2026 Google's servers called the field unknown and refused the request; those that
    serve the older models may do so still."""
    return {**content, "parts": [_without_id(part) for part in _parts(content)]}


def _without_id(part: Body) -> Body:
    for kind in ("functionCall", "functionResponse"):
        inner = part.get(kind)
        if isinstance(inner, dict):
            return {**part, kind: {name: value for name, value in inner.items() if name != "id"}}
    return part


def _signed(contents: list[Body]) -> list[Body]:
    """The first call of every step since the user last spoke has a signature: its own, or the stand-in."""
    signed = list(contents)
    for place in range(len(signed) - 1, -1, -1):
        content = signed[place]
        if content.get("role") == "model":
            signed[place] = {**content, "parts": _with_signature(_parts(content))}
        elif not any("functionResponse" in part for part in _parts(content)):
            break
    return signed


def _with_signature(parts: list[Body]) -> list[Body]:
    for place, part in enumerate(parts):
        if "functionCall" in part:
            first = {"thoughtSignature": STAND_IN, **part}
            return [*parts[:place], first, *parts[place + 1 :]]
    return parts


def _parts(content: Body) -> list[Body]:
    parts = content.get("parts")
    return parts if isinstance(parts, list) else []
