"""manage.py migrate_backoffice: what an old database holds comes in, and what does not fit is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import history
from audit.models import ChangeSet
from providers import key_state, services
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel
from tests.support import old_database as old

pytestmark = pytest.mark.django_db


def run(url: str, **options: Any) -> tuple[list[str], list[str]]:
    """The lines of stdout and of stderr."""
    out, told = StringIO(), StringIO()
    call_command("migrate_backoffice", url, stdout=out, stderr=told, **options)
    assert not any(secret in out.getvalue() + told.getvalue() for secret in (old.PLAIN_KEY, old.OTHER_KEY, old.HEADER))
    return out.getvalue().splitlines(), told.getvalue().splitlines()


@pytest.fixture(params=["sqlite", "sqlite with words", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "postgresql":
        with old.on_postgresql(request.getfixturevalue("postgres_url")) as made:
            yield made
    else:
        yield old.on_sqlite(tmp_path, booleans=str if "words" in request.param else int)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> str:
    return old.on_sqlite(tmp_path)


def execute(url: str, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(statement, values)


def test_all_that_fits_comes_in_as_one_change_set(url: str) -> None:
    plan, _ = run(url)
    made = ChangeSet.objects.get()
    assert (made.origin, made.actor, made.reason) == (
        "import",
        "manage.py migrate_backoffice",
        "migrate_backoffice",
    )
    assert {"+ provider:openai", "+ provider:my-claude", "+ model:groq/meta-llama/Llama-3:free"} <= set(plan)
    assert "+ api_key:openai/2" in plan and "+ parameter:openai/timeout_seconds@production" in plan
    openai = Provider.objects.get(provider_id="openai")
    assert (openai.display_name, openai.description, openai.enabled) == ("OpenAI", "GPT models", True)
    model = ProviderModel.objects.get(model_id="gpt-4o")
    assert (model.context_window, model.max_tokens, model.capabilities) == (128000, 4096, ["tools", "vision"])
    assert model.parameters == {"temperature": 0.2}
    free = ProviderModel.objects.get(model_id="meta-llama/Llama-3:free")
    assert (free.context_window, free.max_tokens, free.enabled) == (None, None, True)


def test_words_and_names_of_the_old_system_are_translated(url: str) -> None:
    _, told = run(url)
    claude = Provider.objects.get(provider_id="my-claude")
    assert (claude.provider_type, claude.enabled, claude.display_name) == ("anthropic", False, "Claude")
    assert Provider.objects.get(provider_id="groq").provider_type == "openai_compatible"
    ada = ProviderModel.objects.get(model_id="ada-2")
    assert (ada.model_type, ada.capabilities, ada.enabled) == ("embedding", ["embedding"], False)
    for note in (
        '! llm_providers[My Claude!]: its provider_id becomes "my-claude"',
        '! llm_providers[groq].provider_type: "groq" is not known here, and becomes openai_compatible',
        '! llm_providers[My Claude!].provider_type: "claude" becomes anthropic',
    ):
        assert note in told


def test_what_is_broken_is_told_by_its_row_and_the_rest_comes_in(url: str) -> None:
    _, told = run(url)
    for note in (
        "! llm_providers[My Claude!].connection_params: it is no JSON",
        "! llm_models[openai/ada-2].parameters: it is no JSON",
        '! llm_models[groq/what?].model_type: "hologram" is not known here, and becomes chat',
        '! llm_models[groq/what?]: left out: It must not hold "?".',
        '! llm_models[nowhere/orphan]: left out: there is no provider "nowhere"',
        "! llm_provider_api_keys[openai/3]: left out: it expired on 2001-01-31",
        '! llm_provider_api_keys[openai/4]: left out: its environment "mars" is not known here',
        "! llm_provider_api_keys.created_by_user_id: the column is not read",
    ):
        assert note in told
    assert ProviderModel.objects.get(model_id="ada-2").parameters == {}
    assert set(ProviderModel.objects.values_list("model_id", flat=True)) == {
        "gpt-4o",
        "ada-2",
        "meta-llama/Llama-3:free",
    }
    assert told[-1] == f"Applied as revision {history.revision()}; {len(told) - 1} notes."


def test_plain_keys_are_stored_and_encrypted_ones_await_their_secret(url: str) -> None:
    _, told = run(url)
    plain, encrypted = ApiKey.objects.get(name="1"), ApiKey.objects.get(name="2")
    assert (plain.secret, plain.environment, plain.enabled, plain.last4) == (old.PLAIN_KEY, "", True, "LAIN")
    assert plain.bound_to.startswith("https://api.openai.com:443|")
    assert (encrypted.secret, encrypted.enabled, encrypted.environment) == (None, False, "production")
    assert encrypted.expires_at == datetime(2099, 1, 31, tzinfo=UTC)
    encrypted.enabled = True
    state = key_state.key_state(
        encrypted, kind="openai", siblings=[], parameters=[], environment="production", now=timezone.now()
    )
    assert state == "awaiting_secret"
    assert "! llm_provider_api_keys[openai/2]: awaiting its secret: the old system's own key encrypted it" in told
    masked = ApiKey.objects.get(provider="my-claude")
    assert (masked.secret, masked.enabled, masked.environment) == (None, False, "development")
    assert any("llm_provider_api_keys[My Claude!/5]" in note and "awaiting its secret" in note for note in told)
    assert ApiKey.objects.get(provider="groq").secret == old.OTHER_KEY


def test_params_and_settings_become_parameters(url: str) -> None:
    _, told = run(url)
    rows = {
        (row.provider_id, row.param_name, row.environment): row.value if not row.is_sensitive else row.secret_value
        for row in ConnectionParameter.objects.all()
    }
    assert rows == {
        ("openai", "api_base", ""): "https://api.openai.com/v1",
        ("openai", "timeout_seconds", ""): 60,
        ("openai", "timeout_seconds", "production"): 90,
        ("openai", "organization", ""): "org-1",
        ("my-claude", "proxy", ""): "http://proxy.example:3128",
        ("groq", "api_base", ""): "https://llm.example/v1",
        ("groq", "extra_headers", ""): f'{{"Authorization": "{old.HEADER}"}}',
    }
    sensitive = ConnectionParameter.objects.get(is_sensitive=True)
    assert sensitive.value is None and sensitive.bound_to.startswith("https://llm.example:443|")
    encrypted = "! llm_provider_connection_parameters[groq/extra_body]: left out: the old system's own key encrypted it"
    assert any(note.startswith(encrypted) for note in told)


def test_no_secret_is_in_the_history(url: str) -> None:
    run(url)
    rows = [str(row) for entry in history.registrations() for row in entry.history._default_manager.values()]
    assert any("openai" in row for row in rows)
    assert not [row for row in rows if any(secret in row for secret in (old.PLAIN_KEY, old.OTHER_KEY, old.HEADER))]


def test_a_dry_run_prints_the_plan_of_the_run_and_writes_nothing(url: str) -> None:
    plan, told = run(url, dry_run=True)
    assert plan and all(line.startswith("+ ") for line in plan)
    assert told[-1].startswith("A dry run: nothing was written;")
    assert not Provider.objects.exists() and not ChangeSet.objects.exists() and history.revision() == 0
    assert run(url)[0] == plan
    assert run(url, dry_run=True)[0] == []


def test_a_second_run_changes_nothing(url: str) -> None:
    run(url)
    revision = history.revision()
    plan, told = run(url)
    assert plan == [] and told[-1].startswith("Nothing to change;")
    assert history.revision() == revision and ChangeSet.objects.count() == 1


def test_what_changed_in_the_old_system_is_an_update(on_sqlite: str) -> None:
    run(on_sqlite)
    execute(on_sqlite, "UPDATE llm_providers SET display_name = 'OpenAI, Inc.' WHERE provider_id = 'openai'")
    execute(on_sqlite, "UPDATE llm_models SET enabled = 'no' WHERE model_id = 'gpt-4o'")
    assert run(on_sqlite)[0] == ["~ model:openai/gpt-4o: enabled", "~ provider:openai: display_name"]
    assert not ProviderModel.objects.get(model_id="gpt-4o").enabled


def test_a_key_that_was_entered_anew_here_stays(on_sqlite: str) -> None:
    run(on_sqlite)
    for name in ("1", "2"):
        services.update_key(key=ApiKey.objects.get(name=name), key_value=f"sk-entered-anew-{name}", enabled=True)
    plan, told = run(on_sqlite)
    assert plan == []
    assert [ApiKey.objects.get(name=name).secret for name in ("1", "2")] == ["sk-entered-anew-1", "sk-entered-anew-2"]
    assert "! llm_provider_api_keys[openai/1]: the key here has another value and is left as it is" in told


def test_two_names_that_would_become_one_stay_two(on_sqlite: str) -> None:
    execute(on_sqlite, "INSERT INTO llm_providers (provider_id, provider_type) VALUES ('my claude', 'anthropic')")
    execute(on_sqlite, "INSERT INTO llm_providers (provider_id, provider_type) VALUES ('my-claude', 'anthropic')")
    _, told = run(on_sqlite)
    names = set(Provider.objects.values_list("provider_id", flat=True))
    assert len(names) == 5 and {"openai", "groq", "my-claude"} <= names
    assert sum("its provider_id becomes" in note for note in told) == 2


def test_what_a_service_refuses_is_left_at_its_default(on_sqlite: str) -> None:
    execute(on_sqlite, """UPDATE llm_models SET parameters = '{"api_key": "x"}' WHERE model_id = 'gpt-4o'""")
    execute(on_sqlite, "UPDATE llm_provider_connection_parameters SET param_value = 'soon' WHERE environment = 'prod'")
    _, told = run(on_sqlite)
    assert ProviderModel.objects.get(model_id="gpt-4o").parameters == {}
    assert any(note.startswith("! llm_models[openai/gpt-4o].parameters: left out:") for note in told)
    parameter = "! llm_provider_connection_parameters[openai/timeout_seconds].param_value: left out:"
    assert any(note.startswith(parameter) for note in told)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("llm_models", "! llm_models: there is no such table"),
        ("llm_provider_api_keys", "! llm_provider_api_keys: there is no such table"),
    ],
)
def test_a_table_that_is_missing_is_told(on_sqlite: str, table: str, told: str) -> None:
    execute(on_sqlite, f"DROP TABLE {table}")
    assert told in run(on_sqlite)[1]
    assert Provider.objects.count() == 3


def test_an_old_database_is_never_written(on_sqlite: str) -> None:
    file = Path(on_sqlite.removeprefix("sqlite:///"))
    before = file.read_bytes()
    file.chmod(0o400)
    run(on_sqlite)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("mysql://root:hunter2@db/old", "sqlite:// or postgresql://"),
        ("old.db", "sqlite:// or postgresql://"),
        ("sqlite:///no/such/file.db", "There is no file"),
        ("sqlite://", "names no file"),
        ("postgresql://me:hunter2@127.0.0.1:1/old", "OperationalError"),
        ("postgresql://me:hunter2@127.0.0.1:1/old?no_such_option=1", "ProgrammingError"),
    ],
)
def test_a_database_that_cannot_be_read_is_one_line_without_its_password(bad: str, told: str) -> None:
    with pytest.raises(CommandError, match=told) as raised:
        run(bad)
    assert "hunter2" not in str(raised.value)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(b"")
    with pytest.raises(CommandError, match="no table llm_providers"):
        run(f"sqlite:///{file}")
    file.write_bytes(b"no database at all, but a text that is long enough to look at")
    with pytest.raises(CommandError, match="cannot be read"):
        run(f"sqlite:///{file}")
