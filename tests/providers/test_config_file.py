"""The YAML file: what it makes, when it is applied, and how it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from audit import history
from audit.models import ChangeSet
from providers import config_file, services
from providers.errors import ConfigurationError
from providers.models import ApiKey, Provider, ProviderModel, Route

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
    report = config_file.apply(file)
    assert (report.applied, report.created, report.updated) == (True, ["provider:openai", "route:fast"], [])
    assert report.revision == history.revision() == 1
    change = ChangeSet.objects.get()
    assert (change.origin, change.reason) == ("import", "configuration file gateway.yaml")
    assert set(ProviderModel.objects.values_list("model_id", flat=True)) == {"gpt-4o", "meta/llama-3"}
    assert not ApiKey.objects.get(name="stored").enabled
    assert Route.objects.get().fallbacks[0]["model"] == "openai/meta/llama-3"


def test_an_unchanged_file_is_not_applied_again(file: Path) -> None:
    config_file.apply(file)
    services.update_provider(provider=Provider.objects.get(), display_name="Changed in the admin")
    assert not config_file.apply(file).applied
    assert Provider.objects.get().display_name == "Changed in the admin"
    assert config_file.apply(file, force=True).updated == ["provider:openai", "route:fast"]
    assert Provider.objects.get().display_name == "OpenAI"


def test_applying_by_force_what_is_there_already_makes_no_revision(file: Path) -> None:
    config_file.apply(file)
    before = history.revision()
    assert config_file.apply(file, force=True).revision is None
    assert history.revision() == before


def test_what_the_file_does_not_name_stays(file: Path) -> None:
    config_file.apply(file)
    provider = Provider.objects.get()
    services.create_model(provider=provider, model_id="by-hand")
    file.write_text("version: 1\nproviders:\n  openai:\n    display_name: New\n")
    config_file.apply(file)
    assert Provider.objects.get().display_name == "New"
    assert ProviderModel.objects.count() == 3
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2", "version"),
        ("providers: {}", "version"),
        ("version: 1\nprojects: {default: {}}", "projects: not supported yet"),
        ("version: 1\ncolour: blue", "colour: there is no such field"),
        ("version: 1\nproviders: []", "providers"),
        ("version: 1\nproviders: {p: {provider_type: echo, colour: 1}}", "providers.p.colour"),
        ("version: 1\nproviders: {p: {provider_type: none}}", "providers.p.provider_type"),
        ("version: 1\nproviders: {p: {provider_type: echo, models: {m: {weight: x}}}}", "providers.p.models.m.weight"),
        ("version: 1\nproviders: {p: {provider_type: echo, api_keys: [{colour: 1}]}}", "providers.p.api_keys.0.colour"),
        ("version: 1\nproviders: {p: {provider_type: echo, api_keys: [{secret: '**'}]}}", "api_keys.0.key_value"),
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
    with pytest.raises(ConfigurationError, match=message.replace(".", r"\.")):
        config_file.apply(path)
    assert not Provider.objects.exists()
    assert history.revision() == 0


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        config_file.apply(tmp_path / "none.yaml")


def test_the_shipped_file_holds_the_echo_provider_only(settings: Any) -> None:
    report = config_file.apply(django_settings.BASE_DIR / "config" / "gateway_config.yaml")
    assert report.created == ["provider:echo"]
    assert ProviderModel.objects.get().model_id == "echo"


def test_the_comments_of_the_shipped_file_work_too(tmp_path: Path) -> None:
    lines = (django_settings.BASE_DIR / "config" / "gateway_config.yaml").read_text().splitlines()
    start = lines.index("version: 1")
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(line.replace("# ", "", 1) for line in lines[start:]))
    assert config_file.apply(path).created == ["provider:echo", "provider:openai", "provider:anthropic", "route:fast"]
