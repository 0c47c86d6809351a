from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from providers.admin.fields import ConnectionValue, JsonText, Lines, secret_value, shown

LEAVES = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8)


@given(VALUES)
def test_a_connection_value_comes_back_with_its_type(value):
    back = ConnectionValue().to_python(shown(value))
    assert json.dumps(back) == json.dumps(value)
    assert not ConnectionValue().has_changed(shown(value), shown(value))


@given(st.dictionaries(st.text(max_size=5), VALUES))
def test_an_object_comes_back_as_it_was(value):
    field = JsonText()
    assert field.to_python(field.prepare_value(value)) == value
    assert not field.has_changed(value, field.prepare_value(value))


@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES)))
def test_a_list_comes_back_as_it_was(value):
    field = JsonText(empty=list, first="model")
    assert field.to_python(field.prepare_value(value)) == value
    assert not field.has_changed(value, field.prepare_value(value))


@pytest.mark.parametrize(
    "text", ["{", "[1]", "1", '"a"', "null", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000, "{'a': 1}"]
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValidationError):
        JsonText().to_python(text)


def test_a_list_shows_its_first_field_first():
    shown_text = JsonText(empty=list, first="model").prepare_value([{"weight": 1, "model": "a/b"}])
    assert shown_text == '[\n  {"model": "a/b", "weight": 1}\n]'


def test_lines():
    assert Lines().to_python(" a \n\n b/c\r\n") == ["a", "b/c"]
    assert not Lines().has_changed(["a", "b"], "a\r\nb\r\n")
    assert Lines().has_changed(["a", "b"], "b\na")


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("0123", "0123"), ("true", "true"), ('{"a": 1}', {"a": 1}), ("{odd", "{odd")]
)
def test_a_secret_stays_a_text_unless_it_is_an_object(text, value):
    assert secret_value(text) == value
