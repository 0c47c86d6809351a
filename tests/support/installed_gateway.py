"""A real Gateway with a real transport in the test's process, for what the control plane itself calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llm import service, sync
from llm.errors import GatewayUnavailable
from llm.observe.record import CallRecord
from llm.service import Gateway
from llm.snapshot import Holder
from llm.transport.aiohttp import AiohttpTransport


class Records:
    """Keeps what the Gateway records."""

    def __init__(self) -> None:
        self.all: list[CallRecord] = []

    def write(self, record: CallRecord) -> None:
        self.all.append(record)


@contextmanager
def installed() -> Iterator[Records]:
    """It has no configuration of its own: a test of a provider brings one."""
    records = Records()

    async def made() -> Gateway:
        return Gateway(Holder(), records, AiohttpTransport())

    gateway = sync.run(made())
    service.install(lambda: gateway)
    try:
        yield records
    finally:
        service.install(_none)
        sync.run(gateway.aclose())


def _none() -> Gateway:
    raise GatewayUnavailable("No gateway is installed any longer.")  # as where none ever was
