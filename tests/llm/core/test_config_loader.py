"""The configuration from a file, and into one, without a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm.core import surroundings
from llm.core.config_loader import ConfigLoader
from llm.core.errors import ConfigurationError
from tests.llm.core.files import yaml

FILE = "# Ours.\n\n" + yaml(
    providers={"e": {"provider_type": "echo", "models": {"echo": {}}}, "off": {"provider_type": "echo"}},
    routes={"fast": {"targets": [{"model": "e/echo"}]}},
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    return path


def test_what_the_file_says(file: Path) -> None:
    config = ConfigLoader(file).load_config_as_object()
    assert (config.origin, config.path) == ("file", file)
    assert (config.providers, config.models, config.routes) == (("e", "off"), ("e/echo",), ("fast",))
    assert config.document == ConfigLoader(str(file)).load_config()
    assert "provider_type" not in repr(config)  # it may hold secrets


def test_the_file_is_the_servers_where_none_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.delenv("LLM_GATEWAY_CONFIG_PATH", raising=False)
    shipped = ConfigLoader(source="file")
    assert shipped.path == surroundings.ROOT / "config" / "gateway_config.yaml"
    assert shipped.load_config_as_object().providers == ("echo",)
    monkeypatch.setenv("LLM_GATEWAY_CONFIG_PATH", str(file))
    assert ConfigLoader(source="file").path == file
    monkeypatch.setenv("LLM_GATEWAY_CONFIG_PATH", "config/other.yaml")
    assert surroundings.path() == surroundings.ROOT / "config" / "other.yaml"


def test_saving_keeps_the_comments_at_the_beginning(file: Path, tmp_path: Path) -> None:
    loader = ConfigLoader(file)
    document = loader.load_config()
    document["providers"]["e"]["enabled"] = False
    assert loader.save_config(document) == []
    assert file.read_text().startswith("# Ours.\n\nproviders:\n")
    assert loader.load_config() == document
    other = tmp_path / "other.yaml"
    loader.save_config(loader.load_config_as_object(), other)
    assert ConfigLoader(other).load_config() == document
    assert other.stat().st_mode & 0o007 == 0  # it may hold a secret in clear
    loader.save_config(document)
    before = file.read_bytes()
    loader.save_config(document)
    assert file.read_bytes() == before


def test_nothing_is_written_of_what_is_no_configuration(file: Path, tmp_path: Path) -> None:
    loader = ConfigLoader(file)
    with pytest.raises(ConfigurationError, match=r"providers\.e\.nope: there is no such field"):
        loader.save_config({"version": 1, "providers": {"e": {"provider_type": "echo", "nope": 1}}})
    assert file.read_text() == FILE
    with pytest.raises(ConfigurationError, match="not writable"):
        loader.save_config(loader.load_config(), tmp_path / "nowhere" / "gateway.yaml")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        ConfigLoader(tmp_path / "nowhere.yaml").load_config_as_object()
    (tmp_path / "odd.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match="is no YAML"):
        ConfigLoader(tmp_path / "odd.yaml").load_config()


def test_a_source_of_ones_own(tmp_path: Path) -> None:
    class Applied:
        applied, plan, kept, revision = True, ["+ provider:x"], (), 1

    class Elsewhere:
        def __init__(self) -> None:
            self.calls: list[object] = []

        def document(self) -> dict[str, object]:
            return {"version": 1, "providers": {"x": {"provider_type": "echo"}}}

        def apply(self, text: str, *, dry_run: bool = False, prune: bool = False) -> Applied:
            self.calls.append((text, dry_run, prune))
            return Applied()

        def sync(self, path: Path, *, force: bool = False) -> Applied:
            self.calls.append((path, force))
            return Applied()

    source = Elsewhere()
    loader = ConfigLoader(tmp_path / "x.yaml", source)
    assert loader.load_config_as_object().origin == "database"
    assert loader.save_config(source.document()) == ["+ provider:x"]
    assert loader.sync_to_database(force=True).plan == ["+ provider:x"]
    assert loader.sync_to_file().read_text() == yaml(providers={"x": {"provider_type": "echo"}})
    assert source.calls == [(yaml(providers={"x": {"provider_type": "echo"}}), False, False), (loader.path, True)]
