from __future__ import annotations

import hashlib

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from access import credentials
from access.models import slug_validator


@pytest.mark.parametrize(
    ("make", "prefix"), [(credentials.new_project_key, "gw-"), (credentials.new_user_token, "gwadm-")]
)
def test_a_new_text_is_long_random_and_begins_with_its_prefix(make, prefix):
    first, second = make(), make()
    assert first.text != second.text
    assert first.text.startswith(prefix)
    assert len(first.text) >= len(prefix) + 43  # 32 bytes in base64
    assert first.hash == hashlib.sha256(first.text.encode()).hexdigest()
    assert first.text.startswith(first.prefix) and first.text.endswith(first.last4)


def test_what_may_be_shown_fits_its_columns_and_gives_little_away():
    for made in (credentials.new_project_key(), credentials.new_user_token()):
        assert len(made.prefix) <= 12
        assert len(made.prefix) + len(made.last4) < len(made.text) / 2


def test_the_text_is_in_no_repr():
    made = credentials.new_project_key()
    assert made.text not in repr(made) and made.hash not in repr(made)


@pytest.mark.parametrize(
    "value", ["", "gw-short", "sk-" + "a" * 40, "gwadm-" + "a" * 40, "gw-" + "ä" * 40, "gw- " + "a" * 40]
)
def test_a_given_key_that_is_weak_or_of_another_kind_is_refused(value):
    with pytest.raises(ValidationError) as caught:
        credentials.new_project_key(value)
    assert set(caught.value.message_dict) == {"value"}
    assert value == "" or value not in str(caught.value)


def test_a_given_text_is_taken_as_it_is_and_less_of_it_is_shown():
    made = credentials.new_user_token("gwadm-" + "a" * 26)
    assert made.text == "gwadm-" + "a" * 26
    assert made.prefix == "gwadm-"


@given(st.text(max_size=200))
def test_an_id_of_a_token_is_a_natural_key_for_every_user_name(name):
    slug_validator(credentials.token_id(name))
    slug_validator(credentials.key_id())
