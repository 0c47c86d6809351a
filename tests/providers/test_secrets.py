"""What may stand for a secret: fingerprints, last four, references, masks, and names that look like secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from llm.references import ReferenceMissing
from providers import secrets


def test_a_fingerprint_says_the_same_of_the_same_and_depends_on_our_key(settings: Any) -> None:
    one = secrets.fingerprint("sk-one")
    assert len(one) == 16
    assert secrets.fingerprint("sk-one") == one != secrets.fingerprint("sk-two")
    settings.FERNET_KEYS = ["another"]
    assert secrets.fingerprint("sk-one") != one


def test_last4_only_where_the_secret_can_spare_them() -> None:
    assert secrets.last4("x" * 15 + "abcd") == ""
    assert secrets.last4("x" * 16 + "abcd") == "abcd"


@pytest.mark.parametrize("text", ["", "  ", "***", "••••", "xxxx", "...", "x.x*"])
def test_masks_are_no_keys(text: str) -> None:
    with pytest.raises(ValidationError):
        secrets.clean_key(text)


@given(st.text(min_size=1))
def test_no_message_ever_shows_the_value(text: str) -> None:
    try:
        secrets.clean_key(text)
    except ValidationError as error:
        if len(text) > 3 and not text.isspace():
            assert text not in str(error) or text in "It is empty or a mask."


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8))
def test_visible_ascii_is_taken_as_it_is(text: str) -> None:
    if not secrets.is_mask(text):
        assert secrets.clean_key(f" {text}\n") == text


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "API-KEY", "x-api-key", "apikey", "Authorization", "password", "clientSecret", "token"),
        *("access_token", "X-Auth-Token", "aws_secret_access_key", "private_key", "Proxy-Authorization", "cookie"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert secrets.looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "first_token_timeout_seconds", "stop_token", "api_base", "api_version", "keys", "keyword"),
        *("temperature", "tokenizer", "organization", "x-team", "max_completion_tokens", "monkey", "top_k", ""),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not secrets.looks_secret(name)


def test_env_references_follow_the_allow_list(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.KEY_ENV = ["*_API_KEY"]
    monkeypatch.setenv("SOME_API_KEY", " sk-from-env\n")
    monkeypatch.setenv("LLM_GATEWAY_X_API_KEY", "ours")
    assert secrets.resolve(secrets.clean_reference("env:SOME_API_KEY")) == "sk-from-env"
    for name in ("PATH", "LLM_GATEWAY_X_API_KEY", "llm_gateway_x_API_KEY", "A B_API_KEY", ""):
        with pytest.raises(ValidationError):
            secrets.clean_reference(f"env:{name}")
        with pytest.raises(ReferenceMissing):
            secrets.resolve(f"env:{name}")


def test_an_environment_variable_that_is_not_set_is_missing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_API_KEY", raising=False)
    with pytest.raises(ReferenceMissing):
        secrets.resolve(secrets.clean_reference("env:NOT_SET_API_KEY"))


def test_file_references_stay_inside_the_folder(settings: Any, tmp_path: Path) -> None:
    folder, outside = tmp_path / "secrets", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("sk-outside")
    (folder / "openai").write_text("sk-inside\n")
    (folder / "link").symlink_to(outside)
    settings.SECRETS_DIR = str(folder)
    assert secrets.resolve(secrets.clean_reference("file:openai")) == "sk-inside"
    for name in ("../outside", str(outside), "link", ".", ""):
        with pytest.raises(ValidationError):
            secrets.clean_reference(f"file:{name}")
        with pytest.raises(ReferenceMissing):
            secrets.resolve(f"file:{name}")


def test_a_link_made_later_is_refused_when_it_is_read(settings: Any, tmp_path: Path) -> None:
    folder, outside = tmp_path / "secrets", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("sk-outside")
    settings.SECRETS_DIR = str(folder)
    reference = secrets.clean_reference("file:later")
    (folder / "later").symlink_to(outside)
    with pytest.raises(ReferenceMissing):
        secrets.resolve(reference)
