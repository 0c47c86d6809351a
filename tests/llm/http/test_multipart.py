"""The reader of forms: whatever the pieces, the same is found."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.errors import InvalidRequest
from llm.http import multipart
from llm.http.multipart import FormReader
from tests.llm.http.test_forms import FILE, MARK, MODEL, SOUND, TYPE, form

FORMS = [
    form(MODEL + b"m", FILE + SOUND),
    form(FILE + SOUND, MODEL + b"m"),
    form(FILE, MODEL[:-2]),
    form(FILE + MARK[1:] + b"\r\n" + MARK[:-1]),
    form(b"\r\nno name", FILE + b"\r\n\r\n", MODEL + b"m", end=b"--\r\nepilogue " + MARK),
    form(MODEL + b"m"),
    form(MODEL + b"m", FILE, MODEL + b"m"),
    form(FILE, end=b""),
    MARK + b"\r\nno head" + MARK + b"--",
    b"junk" + form(FILE),
    b"",
]


def read(pieces: list[bytes]) -> tuple[str, tuple[int, int] | None]:
    """What is wrong with the form, and where its model is."""
    reader = FormReader(multipart.mark(TYPE))
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.close()
    except InvalidRequest as error:
        return error.message, None
    return "", reader.model


@given(st.sampled_from(FORMS), st.lists(st.integers(0, 700), max_size=8))
def test_any_split_gives_the_same(body: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert read(pieces) == read([body])
    assert read([body[at : at + 1] for at in range(len(body))]) == read([body])


@pytest.mark.parametrize(("body", "model"), [(FORMS[0], b"m"), (FORMS[1], b"m"), (FORMS[2], b""), (FORMS[4], b"m")])
def test_the_model_is_found_at_its_place(body: bytes, model: bytes) -> None:
    said, place = read([body])
    assert said == "" and place is not None
    start, end = place
    assert body[start:end] == model
    replaced = body[:start] + b"other" + body[end:]
    assert read([replaced])[0] == "" and b'name="model"\r\n\r\nother\r\n' + MARK in replaced


@pytest.mark.parametrize("body", FORMS[5:])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    assert read([body])[0] != ""


def test_a_large_part_is_not_kept() -> None:
    reader = FormReader(multipart.mark(TYPE))
    reader.feed(MARK + b"\r\n" + FILE)
    for _ in range(100):
        reader.feed(bytes(10_000))
    assert len(reader._buffer) < 100


@pytest.mark.parametrize("long", [MARK + b" " * 20_000, MARK + b"\r\nx: " + b"y" * 20_000])
def test_a_head_without_an_end_is_refused(long: bytes) -> None:
    assert read([long[at : at + 1000] for at in range(0, len(long), 1000)])[0] == "The body is no whole multipart form."
