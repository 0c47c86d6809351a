"""The callers: of bare HTTP in two dialects, and the stock `openai` client, which repeats by itself what fails."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import openai
import openai.resources.chat.completions  # else a first call does, and holds the loop up for ten seconds of the list

from tests.llm.failover.heard import Heard, note, note_stream
from tests.llm.http.serving import Serving, chat, message
from tests.llm.service.snapshots import KEY

QUESTION: Final = "Why?"
Ask = Callable[[Serving, str, bool, Heard], Awaitable[None]]
"""(door, model, stream, what is to be filled in)"""


async def by_chat(door: Serving, model: str, stream: bool, heard: Heard) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    await _post(door, "/v1/chat/completions", chat(model, QUESTION, **options), heard)


async def by_messages(door: Serving, model: str, stream: bool, heard: Heard) -> None:
    await _post(door, "/v1/messages", message(model, QUESTION, stream=stream), heard)


async def _post(door: Serving, path: str, body: dict[str, Any], heard: Heard) -> None:
    answered = await door.post(path, body)
    heard.status = answered.status
    if answered.status == 200 and body.get("stream"):
        note_stream(heard, answered.body.splitlines())
        return
    try:
        note(heard, json.loads(answered.body))
    except ValueError:
        heard.strange.append(repr(answered.body))
    heard.ended = answered.status == 200


async def by_client(door: Serving, model: str, stream: bool, heard: Heard) -> None:
    """As it comes: two retries of its own. (Without the authorities of TLS, which take it long to read.)"""
    bare = openai.DefaultAsyncHttpxClient(verify=False)
    async with openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=KEY, http_client=bare) as client:
        try:
            await (_streamed if stream else _whole)(client, model, heard)
        except openai.APIError as error:
            heard.status = getattr(error, "status_code", heard.status)
            heard.error, heard.message = error.code or type(error).__name__, error.message
        except Exception as error:  # noqa: BLE001  # reason: whatever else a client raises is a finding
            heard.strange.append(repr(error))


async def _whole(client: openai.AsyncOpenAI, model: str, heard: Heard) -> None:
    answer = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": QUESTION}])
    heard.status, heard.ended = 200, True
    note(heard, answer.model_dump())


async def _streamed(client: openai.AsyncOpenAI, model: str, heard: Heard) -> None:
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    )
    heard.status = 200
    async for chunk in stream:
        note(heard, chunk.model_dump())
    heard.ended = True


CALLERS: Final[dict[str, Ask]] = {"chat": by_chat, "messages": by_messages, "openai client": by_client}
