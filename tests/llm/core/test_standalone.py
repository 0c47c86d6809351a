"""In a process without Django: from the file alone, on loops of its own, and after a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from llm.core.surroundings import ROOT
from tests.llm.core.files import openai, yaml
from tests.support.upstream import FakeUpstream

HEAD = """
import asyncio, json, os, sys
from llm.core.client import LLMGatewayClient
from llm.core.config_loader import ConfigLoader
from llm.core.factory import ProviderFactory
from llm.core.models import LLMConfig, LLMRequest
ask = LLMRequest("Hello", LLMConfig("p/m"))
"""
PLAIN = """
from llm.core.errors import ConfigurationError
loader = ConfigLoader()
client = LLMGatewayClient(loader.load_config_as_object(), ProviderFactory())
async def calls():
    return [(await client.generate(ask)).generated_content, client.generate_sync(ask).generated_content]
found = [*asyncio.run(calls()), *asyncio.run(calls())]
client.close_sync()
try:
    loader.sync_to_database()
except ConfigurationError as error:
    found.append(str(error))
loaded = {name.partition(".")[0] for name in sys.modules} & {"django", "celery", "redis", "openai", "anthropic"}
print(json.dumps([found, sorted(loaded)]))
"""
FORKED = """
client = LLMGatewayClient()
before = client.generate_sync(ask).generated_content
child = os.fork()
if child == 0:
    response = client.generate_sync(ask)
    client.close_sync()
    os._exit(0 if response.generated_content == before else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps([before, status, client.generate_sync(ask).generated_content]))
"""


def run(program: str, provider_url: str, folder: Path) -> object:
    file = folder / "gateway.yaml"
    keys = [{"reference": "env:THEIR_API_KEY"}]
    file.write_text(yaml(providers={"p": openai(provider_url, api_keys=keys)}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLM_GATEWAY_", "DJANGO_"))}
    own = {"LLM_GATEWAY_CONFIG_PATH": str(file), "THEIR_API_KEY": "sk-test", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", HEAD + program],
        env={**kept, **own},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return json.loads(ran.stdout)


def test_from_the_file_alone(tmp_path: Path) -> None:
    with FakeUpstream.in_thread() as provider:
        found, loaded = run(PLAIN, provider.url, tmp_path)  # type: ignore[misc]  # reason: as the program prints
    assert found[:4] == ["echo: Hello"] * 4
    assert "no database in this process" in found[4]
    assert loaded == []


def test_after_a_fork_the_client_begins_anew(tmp_path: Path) -> None:
    with FakeUpstream.in_thread() as provider:
        assert run(FORKED, provider.url, tmp_path) == ["echo: Hello", 0, "echo: Hello"]
        assert provider.server.total_connections == 2


LEFT = """
client = LLMGatewayClient()
chunks = client.generate_stream_sync(LLMRequest("one two three", LLMConfig("e/slow")))
print(next(chunks).delta_text, flush=True)
"""


def test_a_stream_that_is_left_open_does_not_keep_the_program(tmp_path: Path) -> None:
    """At the end of a program its loop's thread is gone, and nobody is left to close the stream."""
    file = tmp_path / "gateway.yaml"
    file.write_text(
        yaml(providers={"e": {"provider_type": "echo", "models": {"slow": {"parameters": {"tokens_per_second": 2}}}}})
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LLM_GATEWAY_CONFIG_PATH": str(file)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    ran = subprocess.run(
        [sys.executable, "-c", HEAD + LEFT], env=environment, capture_output=True, text=True, timeout=30
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "Echo:")
    assert "Traceback" not in ran.stderr
