"""A change's fields as people read them. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from audit.admin_fields import MOST_LINES, Field, of
from audit.diff import Change


def told(old: Any, new: Any, *, action: Any = "update", name: str = "description") -> list[Field]:
    return of(Change("provider:one", "provider", action, {name: {"old": old, "new": new}}))


def lines(old: Any, new: Any, **options: Any) -> list[str]:
    [field] = told(old, new, **options)
    assert (field.old, field.new) == (None, None)
    return [f"{line.sign} {line.text}".rstrip() for line in field.lines]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("one", "two", ("one", "two")),
        ("", "two", ("(empty)", "two")),
        (True, 1, ("true", "1")),
        (None, 0.5, ("(empty)", "0.5")),
        ({"a": 1}, {}, ('{"a": 1}', "(empty)")),
        (["tools"], ["vision"], ('["tools"]', '["vision"]')),
    ],
)
def test_short_values_are_old_and_new(old: Any, new: Any, shown: tuple[str, str]) -> None:
    [field] = told(old, new)
    assert (field.old, field.new) == shown and field.lines == ()


def test_lists_are_told_by_item() -> None:
    assert lines(["tools", "vision"], ["tools", "audio"]) == ["  tools", "- vision", "+ audio"]
    targets = [{"model": "a/b"}, {"model": "c/d"}]
    assert lines(targets, targets[:1]) == ['  {"model": "a/b"}', '- {"model": "c/d"}']


def test_json_is_told_by_line_whatever_the_order_of_its_names() -> None:
    assert lines({"a": 1, "b": [1, 2]}, {"b": [1, 3], "a": 1}) == [
        '    "b": [',
        "      1,",
        "-     2",
        "+     3",
        "    ]",
        "  }",
    ]


def test_long_text_is_told_by_line_with_little_round_it() -> None:
    text = "\n".join(f"line {number}" for number in range(100))
    shown = lines(text, text.replace("line 7\n", "line seven\n").replace("line 90", "line ninety"))
    assert shown == [
        "  line 5",
        "  line 6",
        "- line 7",
        "+ line seven",
        "  line 8",
        "  line 9",
        "…",
        "  line 88",
        "  line 89",
        "- line 90",
        "+ line ninety",
        "  line 91",
        "  line 92",
    ]


def test_a_huge_change_is_cut_and_says_so() -> None:
    shown = lines([], [f"item {number}" for number in range(5000)])
    assert len(shown) == MOST_LINES + 1 and shown[-1] == "… 0 lines became 5000"


def test_a_new_object_has_no_old_values_and_a_deleted_one_no_new() -> None:
    assert told(None, "x", action="create") == [Field("description", None, "x")]
    assert told("x", None, action="delete") == [Field("description", "x", None)]
    assert told(None, "", action="create") == [] and told([], None, action="delete") == []
    assert lines(None, ["a", "b"], action="create") == ["+ a", "+ b"]


def test_what_stands_for_a_secret_says_so() -> None:
    [field] = told("0123456789abcdef", "fedcba9876543210", name="fingerprint")
    assert field.label == "secret (fingerprint)" and field.old == "0123456789abcdef"
