"""Many calls: some at a time, each answer kept as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway_project.calling.progress import Progress
from gateway_project.calling.requests import Line
from gateway_project.calling.results import Results
from llm_gateway_client.client import Client


async def run(client: Client, lines: Sequence[Line], results: Results, progress: Progress, *, concurrency: int) -> None:
    """Cancelled, or where an answer cannot be kept, it ends the calls under way."""
    waiting = iter(lines)

    async def work() -> None:
        for line in waiting:
            response = await client.generate(line.request)
            results.add(line, response)
            progress.add(response)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(lines))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        await client.close()
