"""What an echo is told to do besides repeating: the object `echo` of its body.

{"delay_seconds": 0.5, "error": 503, "finish_reason": "length", "chunks": 3, "tokens_per_second": 20,
 "tool_calls": true | [{"name": "weather", "arguments": {"city": "Paris"}}]}
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from llm.dialects.neutral import ToolCall
from llm.errors import UpstreamTimeout

Wait: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class WantedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: str | dict[str, object] = {}


class Orders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`error` is the HTTP status to fail with; `chunks` the number of pieces of a streamed text; `tool_calls` true
    calls the first tool of the body."""

    delay_seconds: Wait = 0.0
    error: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] | None = None
    tool_calls: bool | list[WantedCall] = False
    chunks: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    tokens_per_second: Annotated[float, msgspec.Meta(ge=0.001)] | None = None

    def seconds(self, words: int) -> float:
        """How long so many words take."""
        return words / self.tokens_per_second if self.tokens_per_second else 0.0


NAMES: Final = frozenset(Orders.__struct_fields__)


def merged(parameters: Mapping[str, object], said: msgspec.Raw | None) -> object:
    """The orders of the model's parameters (each by its name, or as the object `echo`), the caller's over them."""
    orders = {name: value for name, value in parameters.items() if name in NAMES}
    for more in (parameters.get("echo"), None if said is None else msgspec.json.decode(said)):
        if isinstance(more, Mapping):
            orders.update(more)
        elif more is not None:
            return more  # refused when it is read
    return orders


def read(body: Mapping[str, object]) -> Orders:
    """msgspec.ValidationError where they are wrong."""
    return msgspec.convert(body.get("echo") or {}, Orders)


def wanted_calls(orders: Orders, body: Mapping[str, object]) -> tuple[ToolCall, ...]:
    """None once the body ends with a tool's result: else a caller that runs tools would never come to an end."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, dict) and last.get("role") == "tool":
        return ()
    wanted = orders.tool_calls
    calls = wanted if isinstance(wanted, list) else [WantedCall(name) for name in _tool_names(body)[:1] if wanted]
    return tuple(ToolCall(f"call_echo_{number}", call.name, _text(call)) for number, call in enumerate(calls, 1))


def refusal(message: str) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": "echo_error", "param": "echo", "code": None}})


async def wait(seconds: float, *, limit: float, phase: str) -> None:
    """UpstreamTimeout when the limit of a call comes first, as with a provider that is slow."""
    await asyncio.sleep(min(seconds, limit))
    if seconds > limit:
        raise UpstreamTimeout("The provider did not answer in time.", phase=phase)


def _tool_names(body: Mapping[str, object]) -> list[str]:
    tools = body.get("tools")
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return [str(function["name"]) for function in functions if isinstance(function, dict) and "name" in function]


def _text(call: WantedCall) -> str:
    given = call.arguments
    return (given if isinstance(given, str) else msgspec.json.encode(given).decode()) or "{}"
