"""manage.py rotate_encryption_key: the ciphertexts change, and nothing else does."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from fernet_fields.hkdf import derive_fernet_key

from audit import history
from gateway_project.settings import environment
from gateway_project.supervisor.lock import FolderLock
from providers import rotation, services
from providers.fields import Undecryptable
from providers.models import ApiKey, ConnectionParameter, Provider

pytestmark = pytest.mark.django_db
OLD, NEW, LOST = (
    "the-old-encryption-key-0123456789",
    "the-new-encryption-key-0123456789",
    "a-key-that-is-lost-0123456789",
)
SECRET = "sk-live-0123456789abcdefghij-WXYZ"


@pytest.fixture
def stored(settings: Any) -> Provider:
    """A provider with a key and a sensitive parameter, encrypted with OLD; since then NEW stands before it."""
    settings.FERNET_KEYS = [OLD]
    made = services.create_provider(
        provider_id="openai",
        provider_type="openai",
        api_keys=[{"name": "one", "key_value": SECRET}, {"name": "by reference", "reference": "env:OPENAI_API_KEY"}],
        connection_parameters=[
            {"param_name": "proxy", "param_value": "http://me:pw@proxy.example:1", "is_sensitive": True}
        ],
    )
    settings.FERNET_KEYS = [NEW, OLD]
    return made


def run(**options: Any) -> tuple[str, str]:
    out, told = StringIO(), StringIO()
    call_command("rotate_encryption_key", stdout=out, stderr=told, **options)
    return out.getvalue(), told.getvalue()


def ciphertext(model: Any = ApiKey, column: str = "secret") -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {model._meta.db_table} WHERE {column} IS NOT NULL")
        [(found,)] = cursor.fetchall()
    return bytes(found)


def opens(key: str, content: bytes) -> bool:
    try:
        return bool(Fernet(derive_fernet_key(key)).decrypt(content))
    except InvalidToken:
        return False


def everything() -> list[Any]:
    """All of the rows but their ciphertexts."""
    return [
        {name: value for name, value in row.items() if name not in ("secret", "secret_value")}
        for model in (Provider, ApiKey, ConnectionParameter)
        for row in model.objects.order_by("pk").values()
    ]


def test_every_secret_is_encrypted_with_the_newest_key(stored: Provider, settings: Any) -> None:
    assert opens(OLD, ciphertext()) and not opens(NEW, ciphertext())
    assert run() == ("2\n", "2 re-encrypted, 0 had the newest key\n")
    settings.FERNET_KEYS = [NEW]
    assert ApiKey.objects.get(name="one").secret == SECRET
    assert ConnectionParameter.objects.get().secret_value == '"http://me:pw@proxy.example:1"'


def test_nothing_else_changes_and_nothing_is_audited(stored: Provider) -> None:
    before, revision, rows = everything(), history.revision(), ApiKey.history.count()
    run()
    assert everything() == before
    assert history.revision() == revision and ApiKey.history.count() == rows


def test_a_second_run_finds_nothing_to_do(stored: Provider) -> None:
    run()
    content = ciphertext()
    assert run() == ("0\n", "0 re-encrypted, 2 had the newest key\n")
    assert ciphertext() == content


def test_what_no_key_opens_is_named_and_kept_and_the_rest_is_done(stored: Provider, settings: Any) -> None:
    settings.FERNET_KEYS = [LOST]
    key = services.create_key(provider=stored, name="lost", key_value="sk-nobody-can-read-this-again")
    settings.FERNET_KEYS = [NEW, OLD]
    told = StringIO()
    with pytest.raises(CommandError, match="1 secrets could not be decrypted"):
        call_command("rotate_encryption_key", stdout=StringIO(), stderr=told)
    assert f"! api_key:openai/{key.key_id} cannot be decrypted with any key" in told.getvalue()
    assert "2 re-encrypted" in told.getvalue()
    assert isinstance(ApiKey.objects.get(pk=key.pk).secret, Undecryptable)
    settings.FERNET_KEYS = [LOST]
    assert ApiKey.objects.get(pk=key.pk).secret == "sk-nobody-can-read-this-again"


def test_more_than_a_batch_and_a_run_that_was_interrupted(stored: Provider, settings: Any) -> None:
    template = ApiKey.objects.get(name="one")
    settings.FERNET_KEYS = [OLD]
    for number in range(rotation.BATCH + 5):
        services.create_key(provider=stored, name=f"key {number}", key_value=f"sk-number-{number}-of-many")
    settings.FERNET_KEYS = [NEW, OLD]

    class Interrupted(Exception):
        pass

    def interrupt(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and params:  # the second batch
            raise Interrupted
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt), pytest.raises(Interrupted):
        rotation.rotate()
    report = rotation.rotate()
    assert (report.already_newest, report.reencrypted) == (rotation.BATCH, 7)
    settings.FERNET_KEYS = [NEW]
    assert ApiKey.objects.get(pk=template.pk).secret == SECRET
    assert ApiKey.objects.get(name="key 204").secret == "sk-number-204-of-many"


def test_a_secret_that_is_entered_at_the_same_moment_is_never_overwritten(stored: Provider) -> None:
    entered = []

    def enter(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "apikey" in sql and not entered:
            entered.append(True)
            services.update_key(key=ApiKey.objects.get(name="one"), key_value="sk-entered-at-the-same-moment")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(enter):
        report = rotation.rotate()
    assert (report.reencrypted, report.changed_meanwhile) == (1, 1)
    assert ApiKey.objects.get(name="one").secret == "sk-entered-at-the-same-moment"
    assert run()[1].startswith("0 re-encrypted, 2 had the newest key")


def test_every_field_of_secrets_is_known() -> None:
    names = {f"{model.__name__}.{secret.name}" for model, secret in rotation.secret_fields()}
    assert {"ApiKey.secret", "ConnectionParameter.secret_value"} <= names


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a key file, as development has it; its key is the one in use."""
    monkeypatch.delenv("LLM_GATEWAY_ENCRYPTION_KEY")
    settings.DATA_DIR = tmp_path
    settings.FERNET_KEYS = environment.encryption_keys(tmp_path, "development")
    return tmp_path


def test_a_new_key_is_put_first_into_the_key_file(data_dir: Path, settings: Any) -> None:
    [old] = settings.FERNET_KEYS
    provider = services.create_provider(provider_id="openai", provider_type="openai", api_key={"key_value": SECRET})
    assert run(new=True)[0] == "1\n"
    newest, older = environment.encryption_keys(data_dir, "development")
    assert older == old and newest != old
    assert opens(newest, ciphertext())
    assert (data_dir / "encryption.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in data_dir.iterdir() if "encryption" in file.name] == ["encryption.key"]
    settings.FERNET_KEYS = [newest]
    assert provider.api_keys.get().secret == SECRET


def test_a_new_key_waits_until_the_gateway_is_down(data_dir: Path) -> None:
    lock = FolderLock(data_dir)
    before = (data_dir / "encryption.key").read_text()
    with pytest.raises(CommandError, match="stop it first"):
        run(new=True)
    assert (data_dir / "encryption.key").read_text() == before
    lock.release()


def test_a_new_key_is_for_the_key_file_only(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setenv("LLM_GATEWAY_ENCRYPTION_KEY", OLD)
    with pytest.raises(CommandError, match="LLM_GATEWAY_ENCRYPTION_KEY"):
        run(new=True)
    assert not (tmp_path / "encryption.key").exists()


def test_an_empty_key_file_is_no_key(data_dir: Path) -> None:
    (data_dir / "encryption.key").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        environment.encryption_keys(data_dir, "development")
