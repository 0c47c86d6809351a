"""Whose Gateway a local client calls: that of its process, or one of its own."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from llm import service
from llm.observe.health_event import HealthEvent
from llm.observe.record import CallRecord
from llm.service import Gateway, registry
from llm.service.gateway import AdapterOf
from llm.snapshot import Holder, Snapshot
from llm.transport.choice import ChosenTransport

MOST_RECORDS: Final = 1000


class Gateways(Protocol):
    async def current(self) -> Gateway:
        """On the process's loop (see `llm.sync`) only. GatewayUnavailable where there is none."""
        ...

    async def close(self) -> None:
        """Ends what was made here."""
        ...


class OfProcess:
    """The Gateway of this process: it follows changes of the configuration, and records every call."""

    async def current(self) -> Gateway:
        # The first time it may wait for the configuration: not on the loop. Later no thread is needed, of which there
        # may be none left: they may all be waiting for this.
        made = registry.made()
        return made if made is not None else await asyncio.to_thread(service.current)

    async def close(self) -> None:
        """It is not ours."""


class RecentRecords:
    """A Sink that keeps the latest records in memory, and nothing else."""

    def __init__(self) -> None:
        self.records: deque[CallRecord] = deque(maxlen=MOST_RECORDS)

    def write(self, record: CallRecord) -> None:
        self.records.append(record)

    def tell(self, event: HealthEvent) -> None:
        """Changes of health are in the log; there is no table for them."""


@dataclass(frozen=True, slots=True)
class _Made:
    gateway: Gateway
    loop: asyncio.AbstractEventLoop
    pid: int


class Own:
    """One for this client, from a snapshot that never changes. Made on first use, and again after a fork."""

    def __init__(self, snapshot: Snapshot, adapter_of: AdapterOf) -> None:
        self.recent = RecentRecords()
        self._holder = Holder(snapshot)
        self._adapter_of = adapter_of
        self._made: _Made | None = None

    async def current(self) -> Gateway:
        loop, made = asyncio.get_running_loop(), self._made
        if made is None or made.loop is not loop or made.pid != os.getpid():
            gateway = Gateway(self._holder, self.recent, ChosenTransport(), adapter_of=self._adapter_of)
            made = self._made = _Made(gateway, loop, os.getpid())
        return made.gateway

    async def close(self) -> None:
        made, self._made = self._made, None
        if made is not None and made.loop is asyncio.get_running_loop() and made.pid == os.getpid():
            await made.gateway.aclose()
