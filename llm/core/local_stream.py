"""A streamed answer of the Gateway for a reader on another loop: one task on the process's loop has the whole call."""

from __future__ import annotations

import asyncio
from typing import Final

from llm.core.gateways import Gateways
from llm.errors import GatewayUnavailable
from llm.service import Call

MOST_WAITING: Final = 64


class LocalStream:
    """Made and used on the process's loop (see `llm.sync`) only. Pieces that nobody takes hold the provider back."""

    def __init__(self, gateways: Gateways, call: Call) -> None:
        self._gateways = gateways
        self._call = call
        self._begun = False
        self._pieces: list[bytes] = []
        self._come = asyncio.Event()  # a piece, or the end
        self._taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Returns once the answer has begun. Raises what the Gateway does."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(lambda _: self._come.set())
        await self._come.wait()
        if not self._begun:
            self._end(self._task)

    async def next(self) -> bytes | None:
        """What has come since, as one piece; None behind the end. Raises what ended the answer."""
        assert self._task is not None
        while not self._pieces and not self._task.done():
            self._come.clear()
            await self._come.wait()
        if not self._pieces:
            self._end(self._task)
            return None
        found, self._pieces = b"".join(self._pieces), []
        self._taken.set()
        return found

    async def close(self) -> None:
        """Ends the call where it is not over; its record is written by then."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # told already, or nobody wants to know

    async def _run(self) -> None:
        gateway = await self._gateways.current()
        reply = await gateway.stream(self._call)
        try:
            self._begun = True
            self._come.set()
            async for piece in reply:
                self._pieces.append(piece)
                self._come.set()
                if len(self._pieces) >= MOST_WAITING:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            await reply.aclose()

    def _end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            raise GatewayUnavailable("The gateway is going down.", retry_after=1)
        task.result()
