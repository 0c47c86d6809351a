"""Many calls at a time, a bounded number of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from llm_gateway_client.answers import LLMResponse
from llm_gateway_client.models import LLMRequest

Progress = Callable[[int, int, LLMResponse], object]


async def run(
    generate: Callable[[LLMRequest], Awaitable[LLMResponse]],
    requests: Sequence[LLMRequest],
    *,
    max_concurrency: int,
    on_progress: Progress | None,
) -> list[LLMResponse]:
    """The responses in the order of the requests. `on_progress(done, total, response)` is called as each one ends.

    What `generate` or `on_progress` raises ends the batch: the calls under way are cancelled.
    """
    found: dict[int, LLMResponse] = {}
    waiting = iter(enumerate(requests))

    async def work() -> None:
        for number, request in waiting:
            response = found[number] = await generate(request)
            if on_progress is not None:
                on_progress(len(found), len(requests), response)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(max_concurrency, len(requests))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [found[number] for number in range(len(requests))]
