"""YAML out: everything that is tracked is in it, and no secret."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from access.models import Project, ProjectKey, ProviderGrant, UserToken
from access.services import create_key as create_project_key
from access.services import create_project
from audit import history, state
from providers import services
from providers.config_file import exporting, import_text, kinds, states
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel, Route

from .conftest import SECRET

pytestmark = pytest.mark.django_db

# Rights and credentials of one installation: given anew, never carried along in a file.
NOT_CONFIGURATION = {ProjectKey, ProviderGrant, UserToken}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration with something of every kind."""
    services.create_provider(
        provider_id="openai",
        provider_type="openai_compatible",
        description="Zeile 1\nZeile 2 ✓",
        connection_params={"api_base": "https://llm.example.com/v1", "extra_headers": {"x-team": "1"}},
        connection_parameters=[
            {"param_name": "timeout_seconds", "param_value": 5, "environment": "staging"},
            {"param_name": "x-signing", "param_value": {"a": SECRET}, "is_sensitive": True},
        ],
        request_settings={"timeout_seconds": 1.5},
        api_keys=[
            {"key_value": SECRET, "expires_at": datetime(2099, 1, 31, tzinfo=UTC)},
            {"name": "second", "reference": "env:OPENAI_API_KEY", "environment": "production", "weight": 3},
        ],
        models=[
            {"model_id": "meta-llama/Llama-3:free", "capabilities": ["tools"], "parameters": {"temperature": 0}},
            {"model_id": "gpt-4.1", "prices": [{"valid_from": "2026-01-01", "input": 2_500_000_000}]},
        ],
    )
    services.create_provider(provider_id="echo", provider_type="echo", enabled=False, models=[{"model_id": "echo"}])
    services.create_route(
        name="fast", targets=[{"model": "openai/gpt-4.1", "weight": 2}], fallbacks=[{"model": "echo/echo"}]
    )
    project = create_project(slug="search", tags={"team": "search"}, default_route="fast", accept_tasks=True)
    create_project_key(project=project, name="k")


def exported() -> str:
    return exporting.text(states.read())


def test_the_form_of_the_file(full: None) -> None:
    document = yaml.safe_load(exported())
    assert sorted(document) == ["projects", "providers", "routes", "version"]
    provider = document["providers"]["openai"]
    assert provider["connection_params"]["api_base"] == "https://llm.example.com/v1"
    assert {row["param_name"] for row in provider["connection_parameters"]} == {"timeout_seconds", "x-signing"}
    by_name = {key["name"]: key for key in provider["api_keys"]}
    assert by_name["default"]["secret"] == {"stored": ApiKey.objects.get(name="default").fingerprint}
    assert by_name["second"]["reference"] == "env:OPENAI_API_KEY"
    assert "secret" not in by_name["second"]
    assert set(provider["models"]) == {"meta-llama/Llama-3:free", "gpt-4.1"}
    assert document["routes"]["fast"]["targets"][0]["model"] == "openai/gpt-4.1"
    assert document["projects"]["search"]["tags"] == {"team": "search"}


def test_no_secret_and_no_time_stamp_is_in_it(full: None) -> None:
    text = exported()
    assert SECRET not in text
    assert "created_at" not in text
    assert "updated_at" not in text
    assert "key_hash" not in text


def test_equal_states_give_equal_bytes(full: None) -> None:
    now = states.read()
    turned = {name: dict(reversed(list(now[name].items()))) for name in reversed(list(now))}
    assert exporting.text(turned) == exporting.text(now)


def test_the_state_is_that_of_the_history(full: None) -> None:
    assert state.export(state.at()).decode() == exported()


def test_every_tracked_model_is_in_it_or_known_not_to_be() -> None:
    assert {entry.model for entry in history.registrations()} == {*kinds.models().values(), *NOT_CONFIGURATION}


def test_every_field_of_every_dump_is_in_it(full: None) -> None:
    """A field that a later version tracks and the export forgets fails here."""
    now = states.read()
    text = exporting.text(now)
    tried: set[str] = set()
    for name in now:
        for field in sorted(now[name].keys() - _empty_by_rule(now[name])):
            changed = {**now, name: {**now[name], field: _other(now[name][field])}}
            assert exporting.text(changed) != text, f"{name}: {field} is in no export"
            tried.add(f"{kinds.kind_of(name)}.{field}")
    dumped = {f"{kinds.kind_of(name)}.{field}" for name, fields in now.items() for field in fields}
    assert tried == dumped


def _empty_by_rule(row: states.State) -> set[str]:
    """A reference, or a plain value, has no fingerprint; a plain value goes anywhere, a sensitive one is not shown."""
    if row.get("reference"):
        return {"fingerprint"}
    if "is_sensitive" in row:
        return {"value"} if row["is_sensitive"] else {"fingerprint", "bound_to"}
    return set()


def _other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    return {"other": 1} if isinstance(value, dict) else f"{value}-other"


def test_it_comes_back_as_it_was(full: None) -> None:
    before = exported()
    _empty()
    assert exported() == "projects: {}\nproviders: {}\nroutes: {}\nversion: 1\n"
    import_text(before)
    after = exported()
    assert _enabled_anew(after) == _enabled_anew(before)
    key = ApiKey.objects.get(name="default")
    assert (key.enabled, key.secret, key.reference) == (False, None, "")
    assert ConnectionParameter.objects.get(is_sensitive=True).secret_value is None
    assert import_text(before).plan == []
    assert exported() == after


def _enabled_anew(text: str) -> Any:
    """A stored key comes in disabled: its value is in no file."""
    document = yaml.safe_load(text)
    for key in document["providers"]["openai"]["api_keys"]:
        if "secret" in key:
            key.pop("enabled")
    return document


def _empty() -> None:
    with history.change_set():
        for model in (Project, Route, ProviderModel, ApiKey, ConnectionParameter, Provider):
            for row in model.objects.all():
                row.delete()


def test_the_command_prints_it_and_nothing_else(full: None) -> None:
    out = StringIO()
    call_command("export_config", stdout=out)
    assert out.getvalue() == exported()


def test_the_import_command(full: None, tmp_path: Any) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(exported().replace("weight: 2", "weight: 5"))
    out = StringIO()
    call_command("import_config", str(path), "--dry-run", stdout=out)
    assert out.getvalue().startswith("~ route:fast: targets ")
    assert Route.objects.get().targets[0]["weight"] == 2
    again = StringIO()
    call_command("import_config", str(path), stdout=again)
    assert again.getvalue() == out.getvalue()
    assert Route.objects.get().targets[0]["weight"] == 5
    nothing = StringIO()
    call_command("import_config", str(path), stdout=nothing)
    assert nothing.getvalue() == ""
    path.write_text("version: 1\n")
    pruned = StringIO()
    call_command("import_config", str(path), "--prune", stdout=pruned)
    assert {line[0] for line in pruned.getvalue().splitlines()} == {"-"}
    assert not Provider.objects.exists()


def test_the_import_command_fails_loudly(tmp_path: Any) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_config", str(tmp_path / "none.yaml"))
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nroutes:\n  fast: {colour: blue}\n")
    with pytest.raises(CommandError, match=r"line 3: routes\.fast\.colour: there is no such field\."):
        call_command("import_config", str(path))
