"""OpenAI's embeddings over Gemini's batchEmbedContents (https://ai.google.dev/api/embeddings).

Gemini embeds texts only, gives lists of numbers, and mostly says nothing about tokens: then the usage is estimated.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from llm.dialects.fields import BAD_JSON, INTEGER, RAW, TEXT, Fields
from llm.dialects.gemini import wire
from llm.dialects.gemini.address import resource
from llm.dialects.gemini.error import read_error
from llm.dialects.grammar import Body
from llm.errors import UpstreamMalformed
from llm.spec import Usage

BYTES_PER_TOKEN: Final = 4
_INPUT: Final = msgspec.json.Decoder(str | list[str | int | list[int]])
_NUMBERS: Final = msgspec.json.Decoder(list[float])


class Asked(msgspec.Struct, frozen=True):
    """`path` follows the base URL and its version; `dropped` names what Gemini cannot carry; `tokens` is our guess."""

    path: str
    body: Body
    encoding: Literal["float", "base64"]
    count: int
    tokens: int
    dropped: tuple[str, ...]


class EmbeddingWire(msgspec.Struct):
    values: msgspec.Raw = wire.NOTHING


class AnswerWire(msgspec.Struct, rename="camel"):
    embeddings: list[EmbeddingWire] | None = None
    usage_metadata: msgspec.Raw = wire.NOTHING
    error: msgspec.Raw = wire.NOTHING


_ANSWER: Final = msgspec.json.Decoder(AnswerWire)


def translate_request(fields: Mapping[str, msgspec.Raw], *, model: str) -> Asked:
    """`fields` is the top level of OpenAI's request, `model` Gemini's name of the model."""
    body = Fields(dict(fields), "", {})
    body.take("model", RAW)
    texts = _texts(body)
    dimensions = body.take("dimensions", INTEGER)
    if dimensions is not None and dimensions < 1:
        raise body.wrong("dimensions", "must be at least 1")
    encoding = body.take("encoding_format", TEXT) or "float"
    if encoding not in ("float", "base64"):
        raise body.wrong("encoding_format", "is none of float, base64")
    body.close()
    name = resource(model)
    size: Body = {} if dimensions is None else {"outputDimensionality": dimensions}
    return Asked(
        path=f"{quote(name, safe='/')}:batchEmbedContents",
        body={"requests": [{"model": name, "content": {"parts": [{"text": text}]}, **size} for text in texts]},
        encoding="base64" if encoding == "base64" else "float",
        count=len(texts),
        tokens=sum(-(-len(text.encode()) // BYTES_PER_TOKEN) for text in texts),
        dropped=tuple(body.lost),
    )


def _texts(body: Fields) -> list[str]:
    given = body.need("input", _INPUT)
    items = [given] if isinstance(given, str) else given
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        raise body.wrong("input", "may only be text with this model's provider: it takes no tokens")
    if not texts:
        raise body.wrong("input", "must hold a text")
    for place, text in enumerate(texts):
        if not text:
            raise body.wrong("input" if isinstance(given, str) else f"input[{place}]", "must not be empty")
    return texts


def translate_answer(data: bytes, asked: Asked, *, model: str) -> tuple[bytes, Usage]:
    """OpenAI's answer; `model` stands in it. UpstreamMalformed where there is not one embedding for each text."""
    try:
        answer = _ANSWER.decode(data)
    except BAD_JSON as error:
        raise UpstreamMalformed("The provider's answer holds no embeddings.") from error
    if not wire.absent(answer.error):
        raise read_error(data)
    embeddings = answer.embeddings or []
    if len(embeddings) != asked.count:
        raise UpstreamMalformed("The provider's answer has not one embedding for each text.")
    told = wire.read_usage(answer.usage_metadata).input_tokens
    usage = Usage(input_tokens=told or asked.tokens, estimated=not told)
    written = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _vector(embedding.values, asked.encoding)}
            for index, embedding in enumerate(embeddings)
        ],
        "model": model,
        "usage": {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens},
    }
    return msgspec.json.encode(written), usage


def _vector(values: msgspec.Raw, encoding: Literal["float", "base64"]) -> msgspec.Raw | str:
    """The numbers as the provider wrote them, or as OpenAI packs them: 32-bit floats, little end first, in base64."""
    try:
        numbers = _NUMBERS.decode(values)
        if encoding == "float":
            return values
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    except (*BAD_JSON, struct.error, OverflowError) as error:
        raise UpstreamMalformed("The provider's answer holds an embedding that is no list of numbers.") from error
