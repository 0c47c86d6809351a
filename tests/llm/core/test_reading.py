"""YAML in: what is refused, with which line, and that no text costs more than a bound."""

from __future__ import annotations

import pytest

from llm.core import reading
from llm.core.errors import ConfigurationError


def test_values_have_the_types_of_json_and_their_lines() -> None:
    document = reading.read("a: 1\nb:\n  - x\n  - {c: 2030-01-31T12:00:00Z, d: null, e: true, f: 1.5}\n")
    assert document.value == {"a": 1, "b": ["x", {"c": "2030-01-31T12:00:00Z", "d": None, "e": True, "f": 1.5}]}
    assert document.place(["b", 1, "c"]) == "line 4: b.1.c"
    assert document.place(["b", 7]) == "line 2: b.7"
    assert document.place([]) == "line 1: the file"


def test_nothing_at_all_is_an_empty_mapping() -> None:
    assert reading.read("# a comment only\n").value == {}


def test_anchors_and_merges_work() -> None:
    document = reading.read("base: &b {x: 1, y: 1}\none: {<<: *b, y: 2}\ntwo: {<<: [*b, {z: 3}]}\nthree: *b\n")
    assert document.value["one"] == {"x": 1, "y": 2}
    assert document.value["two"] == {"x": 1, "y": 1, "z": 3}
    assert document.value["three"] == {"x": 1, "y": 1}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{place}: &a{place} [{', '.join([f'*a{place - 1}'] * 10)}]\n" for place in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "too many values"),
        ("a: &a [*a]", "line 1: there are too many values"),
        ("[" * 50_000, "line 1: it is nested deeper than 40 levels"),
        ("a: 1\nb: 2\na: 3", "line 3: a stands here twice"),
        ("a:\n  4: x", "line 2: the name 4 must be quoted"),
        ("a:\n  [1]: x", "line 2: a name must be quoted"),
        ("a: !!binary aGFsbG8=", "line 1: this is no YAML of texts"),
        ("a: !!set {x}", "line 1: this is no YAML of texts"),
        ("a: !!python/object/apply:os.system ['true']", "line 1: this is no YAML of texts"),
        ("a: !!int x", "line 1: this is no number"),
        ("a: .inf", "line 1: a number must be finite"),
        ("a: 1\n<<: 5", "line 2: << needs a mapping"),
        ("a: *nobody", "no YAML (line 1)"),
        ("a: 1\n---\nb: 2", "no YAML (line 2)"),
        ("a: [", "no YAML"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_refused_names_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        reading.read(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \xff"])
def test_bytes_that_are_no_text(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="no YAML"):
        reading.read(content)


def test_a_text_that_is_too_large() -> None:
    with pytest.raises(ConfigurationError, match="larger than 16 MiB"):
        reading.read("#" * (reading.LARGEST + 1))
