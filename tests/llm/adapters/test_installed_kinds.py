"""Kinds that installed packages add, in a process of their own: the kinds are read once, at the first import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
from llm.adapters.kinds import Kind
from llm.spec import Result, Usage

NO_KIND = "text"
PARROT = Kind(
    label="Parrot",
    adapter="parrot_kind.Parrot",
    dialect="openai_chat",
    default_base_url="parrot:",
    needs_key=False,
    parameters=("voice", "api_base"),
)


class Parrot:
    def __init__(self, transport):
        pass

    async def complete(self, request, target):
        return Result(f"{target.model_id} says {target.options['voice']}".encode(), Usage(), "stop")
"""
ENTRY_POINTS = """[llm_gateway.adapters]
parrot = parrot_kind:PARROT
openai = parrot_kind:PARROT
wordy = parrot_kind:NO_KIND
absent = parrot_kind:ABSENT
missing = no_such_module:KIND
Bad-Name = parrot_kind:PARROT
"""
PROGRAM = """
import asyncio, logging
logging.basicConfig(format="%(levelname)s %(kind)s %(message)s")
from llm.adapters import KINDS, kinds
print(sorted(set(KINDS) - {"openai", "anthropic", "azure_openai", "gemini", "openai_compatible", "echo"}))
print(KINDS["openai"][0], kinds.BY_NAME["parrot"].options)

import django
django.setup()
from providers import kinds as known
from providers.models import Provider
print(dict(Provider._meta.get_field("provider_type").flatchoices)["parrot"], known.default_base_url("parrot"))

from datetime import timedelta
from llm.service import Gateway
from llm.snapshot import Holder
from dataclasses import replace
from tests.llm.service.scripted import NoTransport, call
from tests.llm.service.snapshots import snapshot, upstream
class Kept:
    def write(self, record):
        print(record.model, record.status)
bird = replace(upstream("bird"), kind="parrot", keys=(), needs_key=False, options={"voice": "hello"})
gateway = Gateway(Holder(snapshot([bird], ["bird/polly"])), Kept(), NoTransport())
print(asyncio.run(gateway.complete(call("bird/polly"))).body)
"""


def ran(folder: Path) -> subprocess.CompletedProcess[str]:
    info = folder / "parrot_kind-1.0.dist-info"
    info.mkdir()
    (folder / "parrot_kind.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-kind\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PROGRAM}"
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )


def test_a_package_adds_a_kind_and_cannot_take_or_break_another(tmp_path: Path) -> None:
    done = ran(tmp_path)
    assert done.stdout.splitlines() == [
        "['parrot']",
        "OpenAI ('voice',)",
        "Parrot parrot:",
        "polly succeeded",
        "b'polly says hello'",
    ], done.stderr
    left_out = {line.split()[1] for line in done.stderr.splitlines() if line.startswith("ERROR")}
    assert left_out == {"openai", "wordy", "absent", "missing", "Bad-Name"}
