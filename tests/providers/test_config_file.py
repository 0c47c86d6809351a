"""The YAML file: what it makes, when it is applied, and how it fails."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from audit import history
from audit.models import ChangeSet
from providers import config_file, services
from providers.errors import ConfigurationError
from providers.models import ApiKey, ConfigFileState, Provider, ProviderModel, Route

pytestmark = pytest.mark.django_db
GOOD = """
version: 1
providers:
  openai:
    display_name: OpenAI
    provider_type: openai
    connection_params: {api_base: "https://api.openai.com/v1"}
    request_settings: {timeout_seconds: 20}
    api_keys:
      - {name: default, reference: "env:OPENAI_API_KEY", expires_at: 2099-01-31T12:00:00Z}
      - {name: stored, secret: {stored: 0123456789abcdef}}
    models:
      gpt-4o: {display_name: GPT-4o, context_window: 128000}
      "meta/llama-3": {}
routes:
  fast:
    targets: [{model: openai/gpt-4o}]
    fallbacks: [{model: openai/meta/llama-3}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD)
    return path


def test_it_makes_what_is_missing_in_one_change_set(file: Path) -> None:
    report = config_file.sync(file)
    assert report.applied
    assert [line.partition("/key-")[0] for line in report.plan] == [
        "+ provider:openai",
        "+ parameter:openai/api_base@",
        "+ api_key:openai",
        "+ api_key:openai",
        "+ model:openai/gpt-4o",
        "+ model:openai/meta/llama-3",
        "+ route:fast",
    ]
    assert report.revision == history.revision() == 1
    change = ChangeSet.objects.get()
    assert (change.origin, change.reason) == ("import", "configuration file gateway.yaml")
    assert set(ProviderModel.objects.values_list("model_id", flat=True)) == {"gpt-4o", "meta/llama-3"}
    assert not ApiKey.objects.get(name="stored").enabled
    assert Route.objects.get().fallbacks[0]["model"] == "openai/meta/llama-3"


def test_an_unchanged_file_is_not_applied_again(file: Path) -> None:
    config_file.sync(file)
    services.update_provider(provider=Provider.objects.get(), display_name="Changed in the admin")
    assert not config_file.sync(file).applied
    assert Provider.objects.get().display_name == "Changed in the admin"
    assert config_file.sync(file, force=True).plan == [
        '~ provider:openai: display_name "Changed in the admin" -> "OpenAI"'
    ]
    assert Provider.objects.get().display_name == "OpenAI"


def test_applying_by_force_what_is_there_already_makes_no_revision(file: Path) -> None:
    config_file.sync(file)
    before = history.revision()
    assert config_file.sync(file, force=True).revision is None
    assert history.revision() == before


def test_what_the_file_never_named_stays(file: Path) -> None:
    config_file.sync(file)
    services.create_model(provider=Provider.objects.get(), model_id="by-hand")
    services.create_provider(provider_id="other", provider_type="echo")
    file.write_text(GOOD.replace("display_name: OpenAI", "display_name: New"))
    assert config_file.sync(file).plan == ['~ provider:openai: display_name "OpenAI" -> "New"']
    assert ProviderModel.objects.filter(model_id="by-hand").exists()
    assert Provider.objects.count() == 2


def test_what_the_file_no_longer_names_goes(file: Path) -> None:
    config_file.sync(file)
    file.write_text(GOOD.replace('      "meta/llama-3": {}\n', "").partition("routes:")[0])
    report = config_file.sync(file)
    assert report.plan == ["- model:openai/meta/llama-3", "- route:fast"]
    assert report.kept == []
    assert ChangeSet.objects.get(revision=report.revision).origin == "import"


def test_what_goes_from_the_file_is_kept_where_somebody_changed_it_or_added_to_it(file: Path) -> None:
    config_file.sync(file)
    services.update_route(route=Route.objects.get(), description="ours")
    services.create_model(provider=Provider.objects.get(), model_id="by-hand")
    file.write_text("version: 1\n")
    report = config_file.sync(file)
    assert report.plan == []
    assert report.kept == [
        "provider:openai is no longer in the file, but was changed since; it is kept",
        "route:fast is no longer in the file, but was changed since; it is kept",
    ]
    assert config_file.sync(file, force=True).plan[-1] == "- route:fast"
    assert not Provider.objects.exists()


def test_what_is_still_in_use_is_not_taken_away(file: Path) -> None:
    config_file.sync(file)
    services.create_route(name="ours", targets=[{"model": "openai/gpt-4o"}])
    before = history.revision()
    file.write_text("version: 1\n")
    with pytest.raises(ConfigurationError, match="provider:openai is not in the file: It is still used by route:ours"):
        config_file.sync(file)
    assert history.revision() == before
    assert Provider.objects.exists()


def test_a_field_changed_since_is_kept_and_told_until_both_agree(file: Path) -> None:
    config_file.sync(file)
    provider = services.update_provider(provider=Provider.objects.get(), display_name="Ours", description="Ours")
    told = ["provider:openai: display_name was changed since the file was last applied; it is kept"]
    for text in (
        GOOD.replace("timeout_seconds: 20", "timeout_seconds: 30"),
        GOOD.replace("display_name: OpenAI", "display_name: Theirs"),
    ):
        file.write_text(text)
        assert config_file.sync(file).kept == told
        provider.refresh_from_db()
        assert (provider.display_name, provider.description) == ("Ours", "Ours")
    file.write_text(GOOD.replace("display_name: OpenAI", "display_name: Ours"))
    assert config_file.sync(file).kept == []
    file.write_text(GOOD.replace("display_name: OpenAI", "display_name: Theirs"))
    assert config_file.sync(file).kept == []
    provider.refresh_from_db()
    assert provider.display_name == "Theirs"


def test_what_was_deleted_since_stays_deleted(file: Path) -> None:
    config_file.sync(file)
    services.delete_route(route=Route.objects.get())
    services.delete_provider(provider=Provider.objects.get())
    file.write_text(GOOD.replace("gpt-4o:", "new: {}\n      gpt-4o:"))
    report = config_file.sync(file)
    assert report.plan == []
    assert report.kept == [
        "provider:openai was deleted since the file was last applied; it stays deleted",
        "route:fast was deleted since the file was last applied; it stays deleted",
    ]
    assert config_file.sync(file, force=True).plan[0] == "+ provider:openai"


def test_a_key_follows_its_provider_to_where_the_file_leads_it(file: Path) -> None:
    config_file.sync(file)
    file.write_text(GOOD.replace("https://api.openai.com/v1", "https://gateway.example.com/v1"))
    config_file.sync(file)
    key = ApiKey.objects.get(name="default")
    assert "https://gateway.example.com:443" in key.bound_to


def test_init_db_tells_what_it_did_and_what_it_kept(file: Path, settings: Any, tmp_path: Path) -> None:
    settings.CONFIG_PATH, settings.DATA_DIR = file, tmp_path
    told = StringIO()
    call_command("init_db", "--sync", "--for-server", stderr=told)
    assert "+ route:fast" in told.getvalue().splitlines()
    services.update_route(route=Route.objects.get(), description="ours")
    file.write_text(GOOD.replace("  fast:", "  fast:\n    description: theirs"))
    told = StringIO()
    call_command("init_db", "--sync", "--for-server", stderr=told)
    kept = "kept: route:fast: description was changed since the file was last applied; it is kept"
    assert told.getvalue().splitlines() == [kept]
    told = StringIO()
    call_command("init_db", "--sync=force", "--for-server", stderr=told)
    assert told.getvalue().splitlines() == ['~ route:fast: description "ours" -> "theirs"']
    file.write_text("version: 2\n")
    with pytest.raises(CommandError, match=r"line 1: version: it must be 1\."):
        call_command("init_db", "--sync", "--for-server", stderr=told)
    settings.CONFIG_PATH, settings.CONFIG_PATH_IS_EXPLICIT = tmp_path / "none.yaml", True
    with pytest.raises(CommandError, match="does not exist"):
        call_command("init_db", "--sync", "--for-server", stderr=told)


def test_the_file_is_remembered_without_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "literal.yaml"
    secret = "sk-live-0123456789abcdefghij-WXYZ"
    path.write_text(
        f"version: 1\nproviders: {{p: {{provider_type: openai_compatible, api_keys: [{{secret: {secret}}}], "
        f"connection_parameters: [{{param_name: x-token, secret: {secret}}}]}}}}"
    )
    report = config_file.sync(path)
    assert secret not in str(report)
    assert secret not in str(ConfigFileState.objects.get().content)
    assert ApiKey.objects.get().secret == secret
    assert config_file.sync(path, force=True).plan == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2", "version"),
        ("providers: {}", "version"),
        ("version: 1\nprojects: {default: {colour: 1}}", "line 2: projects.default.colour: there is no such field"),
        ("version: 1\nprojects: {default: {enabled: 1}}", "projects.default.enabled: it must be true or false."),
        ("version: 1\nproviders: {p: {provider_type: echo, api_keys: [{}]}}", "give either a reference or a secret"),
        (
            "version: 1\nproviders: {p: {provider_type: echo, api_keys: [{secret: 5}]}}",
            "a text or {stored: fingerprint}",
        ),
        ("version: 1\ncolour: blue", "colour: there is no such field"),
        ("version: 1\nproviders: []", "providers"),
        ("version: 1\nproviders: {p: {provider_type: echo, colour: 1}}", "providers.p.colour"),
        ("version: 1\nproviders: {p: {provider_type: none}}", "providers.p.provider_type"),
        ("version: 1\nproviders: {p: {provider_type: echo, models: {m: {weight: x}}}}", "providers.p.models.m.weight"),
        ("version: 1\nproviders: {p: {provider_type: echo, api_keys: [{colour: 1}]}}", "providers.p.api_keys.0.colour"),
        ("version: 1\nproviders: {p: {provider_type: echo, api_keys: [{secret: '**'}]}}", "api_keys.0.secret"),
        ("version: 1\nproviders: {p: {provider_type: echo, models: {4: {}}}}", "must be quoted"),
        ("version: 1\nversion: 1", "twice"),
        ("version: 1\nroutes: {r: {targets: [{model: p/m}]}}", "routes.r.targets.0.model"),
        ("a: [", "no YAML"),
        ("\x00", "no YAML"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("[]", "the file"),
    ],
)
def test_errors_name_the_field_by_its_path(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        config_file.sync(path)
    assert not Provider.objects.exists()
    assert history.revision() == 0


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        config_file.sync(tmp_path / "none.yaml")


def test_the_shipped_file_holds_the_echo_provider_only(settings: Any) -> None:
    report = config_file.sync(django_settings.BASE_DIR / "config" / "gateway_config.yaml")
    assert report.plan == ["+ provider:echo", "+ model:echo/echo"]
    assert ProviderModel.objects.get().model_id == "echo"


def test_the_comments_of_the_shipped_file_work_too(tmp_path: Path) -> None:
    lines = (django_settings.BASE_DIR / "config" / "gateway_config.yaml").read_text().splitlines()
    start = lines.index("version: 1")
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(line.replace("# ", "", 1) for line in lines[start:]))
    made = [line for line in config_file.sync(path).plan if line.startswith(("+ provider", "+ route"))]
    assert made == ["+ provider:anthropic", "+ provider:echo", "+ provider:openai", "+ route:fast"]
