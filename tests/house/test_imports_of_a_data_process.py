"""The way of a live call imports no Django and no provider SDK."""

from __future__ import annotations

import subprocess
import sys

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
