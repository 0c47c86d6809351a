"""What the environment may say, and what it is told when it says something wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gateway_project.settings import environment


def test_a_relative_sqlite_path_is_relative_to_manage_py() -> None:
    assert environment.database("sqlite:///./some.db")["NAME"] == str(environment.BASE_DIR / "some.db")
    assert environment.database("sqlite:////var/some.db")["NAME"] == "/var/some.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_postgresql_is_accepted_in_all_spellings(scheme: str) -> None:
    settings = environment.database(f"{scheme}://user:p%40ss@host:5433/name")
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["USER"], settings["PASSWORD"], settings["HOST"]) == ("user", "p@ss", "host")
    assert (settings["PORT"], settings["NAME"]) == (5433, "name")


@pytest.mark.parametrize("url", ["mysql://host/name", "nothing", "sqlite:///"])
def test_other_databases_are_refused_by_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        environment.database(url)


def test_wrong_values_name_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_GATEWAY_ENV", "prod")
    monkeypatch.setenv("LLM_GATEWAY_WORKERS", "two")
    monkeypatch.setenv("LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_ENV"):
        environment.environment_name()
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_WORKERS"):
        environment.number("WORKERS", 1)
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_ALLOW_PRIVATE_UPSTREAMS"):
        environment.boolean("ALLOW_PRIVATE_UPSTREAMS", False)


def test_development_makes_a_private_key_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_GATEWAY_ENCRYPTION_KEY", raising=False)
    keys = environment.encryption_keys(tmp_path, "development")
    assert keys == environment.encryption_keys(tmp_path, "development")
    assert (tmp_path / "encryption.key").stat().st_mode & 0o777 == 0o600


def test_production_does_not_start_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_GATEWAY_ENCRYPTION_KEY", raising=False)
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_ENCRYPTION_KEY"):
        environment.encryption_keys(tmp_path, "production")


def test_unknown_names_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_GATEWAY_DATABSE_URL", "x")
    with pytest.warns(UserWarning, match="LLM_GATEWAY_DATABSE_URL"):
        environment.warn_of_unknown_names()


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_number_has_its_least(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LLM_GATEWAY_SPOOL_MAX_MB", value)
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_SPOOL_MAX_MB must be a whole number of at least 1"):
        environment.number("SPOOL_MAX_MB", 1024, least=1)
