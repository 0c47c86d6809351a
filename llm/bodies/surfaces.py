"""The bodies of the surfaces of OpenAI's API that are passed on with nothing but their model changed.

What a field means is the provider's business; its JSON type, and that it is there, is looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from llm.bodies import fields
from llm.bodies.fields import Kind
from llm.errors import InvalidRequest
from llm.spec import Request

Parse = Callable[[bytes, Mapping[str, str]], Request]


@dataclass(frozen=True, slots=True)
class _Shape:
    """`kinds` of its fields, beside those of all surfaces; `streams`: its stream is that of a chat, and told as one."""

    kinds: Mapping[str, Kind]
    required: tuple[str, ...]
    streams: bool = False


_SHAPES: Final[Mapping[str, _Shape]] = {
    "embeddings": _Shape(
        {"input": "string or list", "dimensions": "integer", "encoding_format": "string"}, required=("input",)
    ),
    "moderations": _Shape({"input": "string or list"}, required=("input",)),
    "rerank": _Shape(
        {"query": "string", "documents": "list", "top_n": "integer", "return_documents": "boolean"},
        required=("query", "documents"),
    ),
    "images/generations": _Shape(
        {"prompt": "string", "n": "integer", "size": "string", "quality": "string", "response_format": "string"},
        required=("prompt",),
    ),
    "audio/speech": _Shape(
        {"input": "string", "response_format": "string", "speed": "number", "instructions": "string"},
        required=("input",),
    ),
    "completions": _Shape(
        {
            "prompt": "string or list",
            "stream": "boolean",
            "stream_options": "object",
            "max_tokens": "integer",
            "temperature": "number",
            "top_p": "number",
            "n": "integer",
            "best_of": "integer",
            "stop": "string or list",
            "suffix": "string",
            "echo": "boolean",
            "seed": "integer",
            "logprobs": "integer",
            "presence_penalty": "number",
            "frequency_penalty": "number",
            "logit_bias": "object",
        },
        required=("prompt",),
        streams=True,
    ),
}


def _parse(surface: str, kinds: Mapping[str, Kind], body: bytes, headers: Mapping[str, str]) -> Request:
    """InvalidRequest, with the field's name, for what is no request to this surface."""
    shape = _SHAPES[surface]
    given = fields.parse(body)
    fields.check(given, kinds)
    for name in shape.required:
        if name not in given or bytes(given[name]) == b"null":
            raise InvalidRequest(f"The field '{name}' is required.", param=name)
    return Request(
        dialect="openai_chat",
        model=fields.text(given, "model"),
        fields=given,
        stream=shape.streams and fields.flag(given, "stream"),
        headers=passed_on(headers),
        surface=surface,
    )


def passed_on(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The caller's headers that may matter to a provider."""
    return fields.passed_on(headers, fields.OPENAI_HEADERS)


PARSERS: Final[Mapping[str, Parse]] = {
    surface: partial(_parse, surface, {"user": "string", **shape.kinds}) for surface, shape in _SHAPES.items()
}
