"""The gateway runs on what requirements.txt pins: nothing that it imports is there by a developer's tool only."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.support import bare_python
from tests.support.gateway import ROOT, clean_environment

# Every process's own module, what Celery chooses by a URL, and all of our modules behind them. Single sign-on has
# requirements of its own (requirements-oidc.txt).
PROGRAM = """
import importlib, os, pkgutil
os.environ["DJANGO_SETTINGS_MODULE"] = "gateway_project.settings"
import gateway_project.celery
import celery.backends.redis, kombu.transport.redis
for root in ("gateway_project", "access", "providers", "audit", "llm", "llm_gateway_client"):
    for module in pkgutil.walk_packages(importlib.import_module(root).__path__, root + "."):
        if not module.name.endswith(("__main__", ".single_sign_on")) and ".migrations" not in module.name:
            importlib.import_module(module.name)
print("all")
"""


def pinned() -> list[importlib.metadata.Distribution]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [
        importlib.metadata.distribution(one.name) for one in requirements if not one.marker or one.marker.evaluate()
    ]


def test_all_that_is_imported_is_pinned(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    environment = clean_environment(tmp_path, ENCRYPTION_KEY="a-key-of-the-suite")
    assert bare_python.run([ROOT, bare_python.link(pinned(), packages)], PROGRAM, environment=environment) == "all\n"
