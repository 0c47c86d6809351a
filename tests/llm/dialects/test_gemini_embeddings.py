"""OpenAI's embeddings over Gemini's batchEmbedContents."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import msgspec
import pytest
from openai.types import CreateEmbeddingResponse

from llm.dialects.gemini.embeddings import Asked, translate_answer, translate_request
from llm.errors import InvalidRequest, UpstreamMalformed, UpstreamRateLimited
from llm.spec import Usage


def ask(body: dict[str, Any], model: str = "gemini-embedding-001") -> Asked:
    return translate_request(
        {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}, model=model
    )


def answered(*vectors: Any, asked: Asked, **more: Any) -> tuple[Any, Usage]:
    data = json.dumps({"embeddings": [{"values": vector} for vector in vectors], **more}).encode()
    body, usage = translate_answer(data, asked, model="asked-model")
    CreateEmbeddingResponse.model_validate_json(body, strict=True) if asked.encoding == "float" else None
    return json.loads(body), usage


def test_one_text() -> None:
    asked = ask({"model": "asked", "input": "Hällo"})
    assert asked == Asked(
        path="models/gemini-embedding-001:batchEmbedContents",
        body={"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "Hällo"}]}}]},
        encoding="float",
        count=1,
        tokens=2,
        dropped=(),
    )
    assert answered([0.25, -1.0], asked=asked) == (
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}],
            "model": "asked-model",
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        },
        Usage(input_tokens=2, estimated=True),
    )


def test_several_texts_in_base64() -> None:
    asked = ask({"input": ["a", "b"], "dimensions": 2, "encoding_format": "base64", "user": "u"}, "models/e")
    assert [one["outputDimensionality"] for one in json.loads(json.dumps(asked.body))["requests"]] == [2, 2]
    assert (asked.encoding, asked.count, asked.dropped) == ("base64", 2, ("user",))
    body, usage = answered([1, 0.5], [0, -2.0], asked=asked, usageMetadata={"promptTokenCount": 7})
    packed = [base64.b64decode(one["embedding"]) for one in body["data"]]
    assert [struct.unpack("<2f", one) for one in packed] == [(1.0, 0.5), (0.0, -2.0)]
    assert usage == Usage(input_tokens=7)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": ["a", 5]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "2"}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
    ],
)
def test_what_gemini_cannot_embed(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"embeddings":[]}',
        b'{"embeddings":[{"values":[1]},{"values":[1]}]}',
        b'{"embeddings":[{}]}',
        b'{"embeddings":[{"values":"x"}]}',
        b'{"embeddings":[{"values":[1e999]}]}',
    ],
)
def test_answers_that_are_none(data: bytes) -> None:
    for encoding in ("float", "base64"):
        with pytest.raises(UpstreamMalformed):
            translate_answer(data, ask({"input": "a", "encoding_format": encoding}), model="m")


def test_a_number_that_does_not_fit_into_32_bits() -> None:
    with pytest.raises(UpstreamMalformed):
        translate_answer(
            b'{"embeddings":[{"values":[1e300]}]}', ask({"input": "a", "encoding_format": "base64"}), model="m"
        )


def test_numbers_stay_as_they_came() -> None:
    body, _ = translate_answer(b'{"embeddings":[{"values":[0.10, 1E-3]}]}', ask({"input": "a"}), model="m")
    assert b'"embedding":[0.10, 1E-3]' in body


def test_an_error_with_a_200() -> None:
    with pytest.raises(UpstreamRateLimited):
        translate_answer(b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}', ask({"input": "a"}), model="m")
