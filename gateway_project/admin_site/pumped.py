"""A blocking iterator for ASGI: each step in a thread, so that its pieces go out one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator


async def pumped(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """The same pieces; closed with the caller's leaving, once the step under way is over."""
    step: asyncio.Future[bytes] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
            piece = await asyncio.shield(step)
            if not piece:
                return
            yield piece
    finally:
        await asyncio.shield(_closed(pieces, step))


async def _closed(pieces: Generator[bytes, None, None], step: asyncio.Future[bytes] | None) -> None:
    if step is not None and not step.done():
        await asyncio.wait([step])
    await asyncio.to_thread(pieces.close)
