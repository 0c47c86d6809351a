"""The hub's bodies, split into what stands in Gemini's URL and what is sent."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from llm.dialects.gemini import upstream_body
from llm.dialects.gemini.address import STAND_IN, split
from tests.llm.dialects.asking import request

CALL = {"functionCall": {"id": "c1", "name": "f", "args": {}}}
RESULT = {"functionResponse": {"id": "c1", "name": "f", "response": {}}}
TEXT = {"text": "x"}


def content(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def sent(model: str, *contents: Any) -> Any:
    body = {"model": model, "contents": list(contents), "stream": False}
    before = copy.deepcopy(body)
    found = split(body).body["contents"]
    assert body == before
    return found


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-2.5-flash", False, "models/gemini-2.5-flash:generateContent"),
        ("gemini-2.5-flash", True, "models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("models/gemini-x", None, "models/gemini-x:generateContent"),
        ("tunedModels/my one?", False, "tunedModels/my%20one%3F:generateContent"),
        ("x", msgspec.Raw(b"true"), "models/x:streamGenerateContent?alt=sse"),
    ],
)
def test_paths(model: str, stream: object, path: str) -> None:
    address = split({"model": model, "contents": [], "generationConfig": {}, "stream": stream})
    assert (address.path, address.body) == (path, {"contents": [], "generationConfig": {}})


def test_a_callers_own_body_stays_as_it_came() -> None:
    asked = request("gemini", {"contents": [content("model", CALL)], "tools": []}, stream=True)
    address = split({**upstream_body(asked), "model": "gemini-2.0-flash"})
    assert address.path.endswith("gemini-2.0-flash:streamGenerateContent?alt=sse")
    assert address.body == asked.fields


@pytest.mark.parametrize("model", ["gemini-1.5-pro", "gemini-2.0-flash", "models/gemini-2.5-pro"])
def test_older_models_get_no_ids(model: str) -> None:
    found = sent(model, content("user", TEXT), content("model", TEXT, CALL), content("user", RESULT))
    assert found == [
        content("user", TEXT),
        content("model", TEXT, {"functionCall": {"name": "f", "args": {}}}),
        content("user", {"functionResponse": {"name": "f", "response": {}}}),
    ]


@pytest.mark.parametrize(
    "model", ["gemini-3-pro-preview", "models/gemini-3.5-flash", "gemini-flash-latest", "gemini-10"]
)
def test_newer_models_get_a_stand_in_for_a_signature(model: str) -> None:
    """On the first call of every step since the user last spoke, where there is none."""
    signed = {**CALL, "thoughtSignature": "Cg=="}
    found = sent(
        model,
        content("user", TEXT),
        content("model", CALL),
        content("user", RESULT),
        content("user", TEXT),
        content("model", TEXT, CALL, CALL),
        content("user", RESULT, RESULT, TEXT),
        content("model", signed, CALL),
        content("user", RESULT, RESULT),
    )
    stand_in = {**CALL, "thoughtSignature": STAND_IN}
    assert found[1] == content("model", CALL)
    assert found[4] == content("model", TEXT, stand_in, CALL)
    assert found[6] == content("model", signed, CALL)


def test_models_that_do_not_tell_their_generation() -> None:
    contents = [content("user", TEXT), content("model", CALL), content("user", RESULT)]
    assert sent("tunedModels/mine", *contents) == contents
