"""One call, shown to a person: as it comes, as a whole, or as JSON."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from llm_gateway_client import FinishReason, LLMRequest, LLMResponse
from llm_gateway_client.client import Client

# What a model says must not steer a terminal. Line ends and tabs stay.
_STEERING: Final = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])
_NOTES: Final = {
    FinishReason.LENGTH: "The answer was cut: it reached the limit of tokens.",
    FinishReason.CONTENT_FILTERED: "The answer was cut by the provider's content filter.",
}


class Screen(Protocol):
    """Django's OutputWrapper, or any text stream like it."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...

    def isatty(self) -> bool: ...


@dataclass(slots=True)
class Shown:
    """Writes the text of an answer; the last line gets its end."""

    screen: Screen
    ended: bool = True

    def text(self, text: str) -> None:
        if text:
            self.screen.write(text.translate(_STEERING) if self.screen.isatty() else text)
            self.screen.flush()
            self.ended = text.endswith("\n")

    def end(self) -> None:
        if not self.ended:
            self.screen.write("\n")
            self.screen.flush()


async def streamed(client: Client, request: LLMRequest, screen: Screen) -> LLMResponse:
    """Writes the text as it comes; the whole response."""
    shown = Shown(screen)
    try:
        async with aclosing(client.generate_stream(request)) as chunks:
            async for chunk in chunks:
                shown.text(chunk.delta_text)
                if chunk.response is not None:
                    found = chunk.response
        return found
    finally:
        shown.end()


async def whole(client: Client, request: LLMRequest, screen: Screen, *, as_json: bool) -> LLMResponse:
    """Writes the text, or the response as JSON; of a failed call JSON only."""
    response = await client.generate(request)
    if as_json:
        screen.write(json.dumps(response.to_dict(), ensure_ascii=False) + "\n")
        screen.flush()
    else:
        shown = Shown(screen)
        shown.text(response.generated_content or "")
        shown.end()
    return response


def note(response: LLMResponse) -> str:
    """What a person should know of an answer that is no failure; empty where there is nothing."""
    if not response.generated_content and response.tool_use_requests:
        return "The model asks for tools: --json shows them."
    return _NOTES.get(response.finish_reason, "")


def failure(response: LLMResponse) -> str:
    """Why a call failed: message, code and request id, and when to try again."""
    error = response.error_details
    assert error is not None
    again = f"; it may succeed after {error.retry_after_seconds:g} s" if error.retry_after_seconds else ""
    return f"{error.message} ({error.code}, request id {error.request_id or response.request_id}{again})"
