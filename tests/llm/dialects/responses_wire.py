"""What tests of OpenAI's responses share: the dialect's bytes as the official client reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import Cited, Conversation, Delta, StreamEvent, Text, Turn
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import OUTSIDE

RESPONSES: Dialect = "openai_responses"
STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
ALL = {path.stem: json.loads(path.read_text()) for path in sorted(STREAMS.glob("responses_*.json"))}
GOOD = [name for name, told in ALL.items() if "error" not in told]
BAD = [name for name, told in ALL.items() if "error" in told]
SIZES = [1, 3, 64, 1 << 20]


def recorded(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


def written(events: Iterable[StreamEvent]) -> bytes:
    writer = GRAMMARS[RESPONSES].writer(OUTSIDE, True)
    return b"".join(writer.write(event) for event in events)


def cited(events: Iterable[StreamEvent]) -> list[dict[str, Any]]:
    found = [event.citation for event in events if isinstance(event, Cited)]
    return [{"url": one.url, "title": one.title, "start": one.start, "end": one.end} for one in found]


def logprobs(events: Iterable[StreamEvent]) -> list[Any]:
    given = [event.logprobs for event in events if isinstance(event, Delta) and event.logprobs is not None]
    return [entry for raw in given for entry in msgspec.json.decode(raw)]


def read(body: dict[str, Any], *, stream: bool = False) -> Conversation:
    """A caller's request in the hub's words; `input` is there if it is left out."""
    return GRAMMARS[RESPONSES].read_request(request(RESPONSES, {"model": "m", "input": "Hello", **body}, stream=stream))


def asked(*turns: Turn, default_max_tokens: int | None = None, **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The hub's request as OpenAI gets it, and what was dropped."""
    conversation = Conversation(turns or (Turn("user", (Text("Hello"),)),), **more)
    body, lost = GRAMMARS[RESPONSES].write_request(conversation, default_max_tokens=default_max_tokens)
    return msgspec.json.decode(msgspec.json.encode(body)), lost


def items(*parts: Any, role: Any = "assistant") -> Any:
    """One turn as items of the input."""
    return asked(Turn("user", (Text("Hello"),)), Turn(role, parts))[0]["input"][1:]


def by_client(data: bytes) -> Any:
    """The response as the official client folds it, every event validated strictly."""
    from openai._types import omit
    from openai.lib.streaming.responses._responses import ResponseStreamState
    from openai.types.responses import ResponseStreamEvent
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    last: Any = None
    snapshot: Any = None
    for number, frame in enumerate(SseDecoder().feed(data)):
        assert frame.event == json.loads(frame.data)["type"]
        last = adapter.validate_json(frame.data, strict=True)
        assert last.sequence_number == number
        state.handle_event(last)
        snapshot = state.accumulate_event(last) if frame.event == "response.created" else snapshot
    assert last.type in ("response.completed", "response.incomplete")
    assert last.response.status == last.type.removeprefix("response.")
    streamed = [item for _, item in sorted(state._completed_output.items())]
    assert [item.to_dict() for item in streamed] == [item.to_dict() for item in last.response.output]
    return last.response


def whole_by_client(body: bytes) -> Any:
    from openai.types.responses import Response

    return Response.model_validate_json(body, strict=True)


def client_of(data: bytes, media_type: str = "text/event-stream") -> Any:
    """The official client, whose every call is answered with `data`."""
    from openai import OpenAI

    def answer(asked: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": media_type}, content=data)

    transport = httpx2.MockTransport(answer)
    return OpenAI(api_key="k", base_url="http://test", http_client=httpx2.Client(transport=transport))
