"""What tests of OpenAI's responses share: the dialect's bytes as the official client reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import httpx2
import msgspec

from llm.dialects.hub import GRAMMARS
from llm.dialects.neutral import Conversation, StreamEvent, Text, Turn
from llm.dialects.openai_responses.signature import to_caller
from llm.dialects.sse import SseDecoder
from llm.spec import Dialect
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import OUTSIDE

RESPONSES: Dialect = "openai_responses"


def written(events: Iterable[StreamEvent]) -> bytes:
    writer = GRAMMARS[RESPONSES].writer(OUTSIDE, True)
    return b"".join(writer.write(event) for event in events)


_ITEM_ID = re.compile(r"^rs_fixed_\d+:")


def own_form(told: dict[str, Any]) -> dict[str, Any]:
    """A folded answer whose signatures are those of our own items, without the items' ids."""
    signed = ("signature", "redacted")
    return {
        **told,
        "parts": [
            {name: _ITEM_ID.sub("", text) if name in signed else text for name, text in part.items()}
            for part in told["parts"]
        ],
    }


def as_read(part: dict[str, Any], origin: Dialect | None = RESPONSES) -> dict[str, Any]:
    """What `own_form` of a part is, once it was written to a caller and read as a provider's answer: sealed, and
    where it tells no text, closed."""
    if "redacted" in part:
        return {"redacted": to_caller(part["redacted"], origin, redacted=True)}
    if not part.get("signature"):
        return part
    sealed = to_caller(part["signature"], origin, redacted=False)
    return {**part, "signature": sealed} if part["thinking"] else {"redacted": sealed}


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
