"""The way of a live call imports no Django and no provider SDK; a data worker no client."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import llm.http.app, llm.service, llm.transport.aiohttp
from llm.adapters import KINDS, adapter
for kind in KINDS:
    adapter(kind, None)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"django", "openai", "anthropic", "celery", "redis"}))
"""


def test_the_data_plane_imports_no_django_and_no_sdk() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


WORKER = """
import sys, django
django.setup()
import gateway_project.front
wrong = {"llm.core.client", "llm.core.config_loader", "llm_gateway_client", "httpx2", "openai", "anthropic"}
print(sorted(wrong & set(sys.modules)))
"""


def test_a_data_worker_imports_no_client_and_no_sdk(tmp_path: Path) -> None:
    own = {"DJANGO_SETTINGS_MODULE": "gateway_project.settings.data", "LLM_GATEWAY_DATA_DIR": str(tmp_path)}
    database = f"sqlite:///{tmp_path / 'gateway.db'}"
    environment = {**os.environ, **own, "LLM_GATEWAY_DATABASE_URL": database, "LLM_GATEWAY_ENCRYPTION_KEY": "x" * 32}
    ran = subprocess.run([sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
