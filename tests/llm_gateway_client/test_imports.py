"""Importing the client imports neither Django nor Celery nor the gateway's own code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
import llm_gateway_client
import llm_gateway_client.management
client = llm_gateway_client.LLMGatewayClient(broker_url="redis://127.0.0.1:1/0")
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""
FOREIGN = ["django", "rest_framework", "celery", "kombu", "redis", "llm", "providers", "access", "msgspec", "openai"]


def test_it_stands_alone() -> None:
    command = [sys.executable, "-c", PROGRAM, *FOREIGN]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr
