"""What the echo answers to embeddings: for each input a vector of length 1 that depends on nothing but the input."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Final

import msgspec

_DIMENSIONS: Final = 64
_MOST_DIMENSIONS: Final = 8192


def answer(body: Mapping[str, object]) -> tuple[int, bytes]:
    """The status and the JSON in OpenAI's shape; a word, or a token of a list, counts as one token."""
    dimensions = body.get("dimensions") or _DIMENSIONS
    if not isinstance(dimensions, int) or not 1 <= dimensions <= _MOST_DIMENSIONS:
        message = f"The field 'dimensions' must be from 1 to {_MOST_DIMENSIONS}."
        return 400, msgspec.json.encode({"error": {"message": message, "param": "dimensions"}})
    inputs = _inputs(body.get("input"))
    packed = body.get("encoding_format") == "base64"
    vectors = [_vector(one, dimensions) for one in inputs]
    tokens = sum(len(one.split()) if isinstance(one, str) else len(one) for one in inputs)
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return 200, msgspec.json.encode({"object": "list", "data": data, "model": body.get("model"), "usage": usage})


def _inputs(given: object) -> list[str | list[object]]:
    """One text, one list of tokens, or a list of either."""
    if not isinstance(given, list):
        return [str(given)]
    if given and all(isinstance(one, int) for one in given):
        return [given]
    return [one if isinstance(one, list) else str(one) for one in given]


def _vector(given: str | list[object], dimensions: int) -> list[float]:
    """Spread by SHAKE-256, so that more dimensions begin like fewer ones before they are scaled."""
    drawn = hashlib.shake_256(msgspec.json.encode(given)).digest(4 * dimensions)
    raw = [value + 0.5 for value in struct.unpack(f"<{dimensions}i", drawn)]
    length = math.sqrt(sum(value * value for value in raw))
    return [value / length for value in raw]


def _packed(vector: list[float]) -> str:
    """32-bit floats, little-endian, as OpenAI packs them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
