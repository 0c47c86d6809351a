"""The registry: names, labels, and classes that are imported on first use only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llm.adapters import KINDS, adapter
from llm.adapters.kinds import BY_NAME
from llm.errors import GatewayError
from tests.llm.adapters.doubles import ScriptedTransport


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_adapter_of_its_dialect(kind: str) -> None:
    made = adapter(kind, ScriptedTransport())
    assert f"{type(made).__module__}.{type(made).__qualname__}" == KINDS[kind][1]
    assert made.dialect == BY_NAME[kind].dialect


def test_names_that_stay() -> None:
    assert set(KINDS) >= {"openai", "anthropic", "openai_compatible", "echo"}
    assert {name for name, kind in BY_NAME.items() if not kind.needs_key} == {"openai_compatible", "echo"}
    assert BY_NAME["openai"].default_base_url == "https://api.openai.com/v1"
    assert BY_NAME["anthropic"].default_base_url == "https://api.anthropic.com"
    assert "organization" in BY_NAME["openai"].parameters and "organization" not in BY_NAME["anthropic"].parameters


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(GatewayError, match="'nonesuch'"):
        adapter("nonesuch", ScriptedTransport())


def test_reading_the_kinds_imports_no_adapter() -> None:
    program = """
import sys
import llm.adapters, llm.adapters.kinds
heavy = ("llm.dialects", "llm.adapters.o", "llm.adapters.a", "llm.adapters.h", "aiohttp")
print([name for name in sys.modules if name.startswith(heavy)])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
