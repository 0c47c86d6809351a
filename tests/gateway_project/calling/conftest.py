"""`manage.py call` against the data plane over a real socket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway_project.management.commands.call import Command
from llm.snapshot import Model
from tests.llm.http.serving import Serving
from tests.llm.service.snapshots import KEY, snapshot, upstream


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Ran:
    status: int
    out: str
    told: str


@dataclass
class Caller:
    """Runs the command as a person would; `served` is the gateway that it calls, `environment` what it is set in."""

    served: Serving
    environment: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *arguments: str, stdin: str | io.StringIO = "", terminal: bool = False) -> Ran:
        command = Command()
        command.environment = self.environment
        command.stdin = io.StringIO(stdin) if isinstance(stdin, str) else stdin
        out, told = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        status = await asyncio.to_thread(_run, command, arguments, out, told)
        return Ran(status, out.getvalue(), told.getvalue())


def _run(command: Command, arguments: tuple[str, ...], out: io.StringIO, told: io.StringIO) -> int:
    try:
        call_command(command, *arguments, stdout=out, stderr=told)
    except CommandError as error:
        told.write(f"{error}\n")
        return error.returncode
    return 0


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """Models: `echo`; `bad`, whose provider refuses; `slow`, which takes a minute."""
    orders: dict[str, dict[str, Any]] = {"bad": {"error": 400}, "slow": {"delay_seconds": 60}}
    models = [Model("echo", name, parameters={"echo": told}) for name, told in orders.items()]
    async with Serving(snapshot([upstream("echo")], ["echo/echo", *models])) as served:
        yield Caller(served, {"LLM_GATEWAY_URL": served.url, "LLM_GATEWAY_PROJECT_KEY": KEY})
