"""The database as a source of the configuration, and that a file means the same without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings

from access.services import create_project
from access.snapshot_part import snapshot_part as callers_part
from llm.adapters import kinds
from llm.core import config_source, file_snapshot, reading, shapes
from llm.core.config_loader import ConfigLoader
from llm.core.errors import ConfigurationError
from llm.core.surroundings import Surroundings
from llm.core.writing import to_yaml
from llm.references import Allowed
from llm.snapshot import Upstream
from providers import services
from providers.config_file import import_text
from providers.config_file.schema import schema
from providers.config_source import DatabaseConfigSource
from providers.models import Provider
from providers.snapshot_part import snapshot_part

FILE = """
# Ours.
version: 1
providers:
  azure:
    provider_type: azure_openai
    connection_params: {api_base: "https://one.example/", api_version: "2025-01-01"}
    api_keys: [{key_id: k1, reference: "env:SOME_API_KEY"}]
    models: {m: {}}
  echo:
    provider_type: echo
    models:
      echo: {display_name: Echo, max_tokens: 7, capabilities: [tools], parameters: {top_p: 1}, prices: [{input: 5}]}
      unused: {enabled: false}
  closed: {provider_type: echo, enabled: false}
  openai:
    provider_type: openai
    description: Theirs.
    connection_params: {organization: org, timeout_seconds: 60, verify: false}
    connection_parameters:
      - {param_name: extra_headers, param_value: {x-a: here}, environment: development}
      - {param_name: extra_headers, param_value: {x-a: there}, environment: production}
      - {param_name: proxy, secret: "http://u:p@proxy.example:3128"}
    request_settings: {idle_timeout_seconds: 7, extra_headers: {x-b: b}, top_p: 1}
    api_keys:
      - {key_id: k1, name: one, secret: sk-one-0123456789, weight: 2}
      - {key_id: k2, name: two, secret: sk-two-0123456789, environment: production}
      - {key_id: k3, name: three, reference: "env:NOWHERE_API_KEY"}
    models:
      gpt-4o: {context_window: 10, max_tokens: 5, priority: 2, weight: 3}
routes:
  fast:
    strategy: weighted
    targets: [{model: openai/gpt-4o, weight: 4}, {model: echo/echo, enabled: false}]
    fallbacks: [{model: echo/echo}]
    policy: {retries: 1, timeout_seconds: 20}
projects:
  default: {accept_tasks: true, default_route: fast, tags: {a: b}}
  production: {environment: production}
"""


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_file_means_the_same_with_and_without_a_database(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-some-0123456789")
    import_text(FILE)
    stored = snapshot_part(environment=environment, allow_private=True)
    surroundings = Surroundings(environment, True, Allowed(tuple(settings.KEY_ENV)))
    found = file_snapshot.build(shapes.read(reading.read(FILE)), surroundings, kinds.BY_NAME).snapshot
    assert found.providers.upstreams == {name: _plain(upstream) for name, upstream in stored.upstreams.items()}
    assert found.providers.models == {key: replace(model, created=0) for key, model in stored.models.items()}
    assert found.providers.routes == stored.routes
    assert found.callers.by_project == callers_part(environment=environment).by_project
    assert stored.upstreams["openai"].keys and stored.upstreams["azure"].options


def _plain(upstream: Upstream) -> Upstream:
    """A file's keys never change while it is in use: nothing needs to tell one value from the next."""
    return replace(upstream, keys=tuple(replace(key, fingerprint="") for key in upstream.keys))


def test_both_know_the_same_fields() -> None:
    """A field that the file gains must be read, or refused with a reason, without a database too."""

    def fields(shape: type[msgspec.Struct]) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(shape)}

    def said(of: dict[str, Any]) -> set[str]:
        return set(of["properties"])

    sections = schema()["properties"]
    provider = sections["providers"]["additionalProperties"]
    nested = provider["properties"]
    assert set(sections) == {"version", *shapes.SECTIONS}
    assert said(provider) == fields(shapes.Provider)
    assert said(nested["api_keys"]["items"]) == fields(shapes.Key)
    assert said(nested["connection_parameters"]["items"]) == fields(shapes.Parameter)
    assert said(nested["models"]["additionalProperties"]) == fields(shapes.Model)
    assert said(sections["routes"]["additionalProperties"]) == fields(shapes.Route)
    assert said(sections["projects"]["additionalProperties"]) == fields(shapes.Project)


@pytest.mark.django_db
def test_the_loader_reads_the_database_of_its_process_and_writes_there() -> None:
    assert isinstance(config_source.of_process(), DatabaseConfigSource)
    loader = ConfigLoader()
    import_text(FILE)
    config = loader.load_config_as_object()
    assert (config.origin, config.stated) == ("database", None)
    assert config.providers == ("azure", "closed", "echo", "openai")
    assert "echo/echo" in config.models and config.routes == ("fast",)
    document = loader.load_config()
    assert document == config.document and "sk-one" not in str(document)
    document["providers"]["echo"]["description"] = "changed"
    assert loader.save_config(document) == ['~ provider:echo: description "" -> "changed"']
    assert Provider.objects.get(provider_id="echo").description == "changed"
    assert loader.save_config(document) == []


@pytest.mark.django_db
def test_file_and_database_both_ways(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(FILE.lstrip())
    loader = ConfigLoader(file)
    assert loader.load_config_as_object().origin == "file"
    report = loader.sync_to_database()
    assert report.applied and "+ provider:openai" in report.plan and report.revision
    assert not loader.sync_to_database().applied
    services.update_provider(provider=Provider.objects.get(provider_id="echo"), description="by hand")
    assert loader.sync_to_file() == file
    text = file.read_text()
    assert text.startswith("# Ours.\n") and "by hand" in text and "sk-one" not in text
    assert loader.load_config() == ConfigLoader().load_config()
    again = loader.load_config_as_object().built(kinds.BY_NAME)
    assert [note.partition(":")[0] for note in again.notes].count("openai") == 3  # its secrets lie in the database


@pytest.mark.django_db
def test_what_the_database_refuses_is_told_and_changes_nothing() -> None:
    loader = ConfigLoader(source=DatabaseConfigSource())
    wrong = {"version": 1, "providers": {"p": {"provider_type": "no_such_kind"}}}
    with pytest.raises(ConfigurationError, match="provider_type"):
        loader.save_config(wrong)
    assert not Provider.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_inside_a_running_loop_it_blocks_and_does_not_fail() -> None:
    source = DatabaseConfigSource()
    assert source.apply(to_yaml({"version": 1, "providers": {"e": {"provider_type": "echo"}}})).plan == ["+ provider:e"]
    assert list(source.document()["providers"]) == ["e"]


@pytest.mark.django_db
def test_the_setting_names_the_source(settings: Any) -> None:
    settings.LLM_GATEWAY_CONFIG_SOURCE = ""
    assert config_source.of_process() is None
    with pytest.raises(ConfigurationError, match="no database in this process"):
        ConfigLoader(source="database")
    settings.LLM_GATEWAY_CONFIG_SOURCE = "providers.config_source.NoSuchSource"
    with pytest.raises(ConfigurationError, match="NoSuchSource, which cannot be imported"):
        ConfigLoader()
    del settings.LLM_GATEWAY_CONFIG_SOURCE
    assert isinstance(config_source.of_process(), DatabaseConfigSource)
    create_project(slug="default")
    assert "default" in ConfigLoader().load_config()["projects"]
