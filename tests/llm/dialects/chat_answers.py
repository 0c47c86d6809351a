"""Chat completions for tests: read, written and streamed."""

from __future__ import annotations

import json
from typing import Any

from openai.types.chat import ChatCompletion

from llm.dialects.neutral import Answer, BlockEnd, BlockStart, Delta, Finished, Part, Started, StreamEvent, Thinking
from llm.dialects.openai_chat import GRAMMAR
from llm.dialects.sse import SseDecoder
from llm.spec import Usage
from tests.llm.dialects.folding import OPENAI, OUTSIDE, by_openai, events_of
from tests.llm.dialects.test_answers import completion
from tests.llm.dialects.test_stream_manners import DONE, chunk


def read(message: dict[str, Any], **choice: Any) -> Answer:
    body = completion(message)
    body["choices"][0].update(choice)
    return GRAMMAR.read_answer(json.dumps(body, indent=1).encode(), OUTSIDE)


def written(*parts: Part, **more: Any) -> dict[str, Any]:
    answer = Answer("id", "m", parts, more.pop("reason", "stop"), Usage(), **more)
    body = GRAMMAR.write_answer(answer, OUTSIDE)
    ChatCompletion.model_validate_json(body, strict=True)
    choice: dict[str, Any] = json.loads(body)["choices"][0]
    return choice


def streamed(*deltas: dict[str, Any], finish: str = "stop") -> list[StreamEvent]:
    """The events between the start and the end of an answer."""
    sent = b"".join(chunk(delta) for delta in deltas) + chunk(finish=finish) + DONE
    started, *events, finished = events_of(OPENAI, sent)
    assert isinstance(started, Started) and isinstance(finished, Finished)
    return events


def chunks_of(*events: StreamEvent) -> list[dict[str, Any]]:
    """The choices of the chunks between the first and the last; the official client can fold them."""
    writer = GRAMMAR.writer(OUTSIDE, False)
    every = [Started("id", "m", Usage()), *events, Finished("stop", Usage())]
    sent = b"".join(writer.write(event) for event in every)
    by_openai(sent)
    frames = [json.loads(frame.data) for frame in SseDecoder().feed(sent) if frame.data != b"[DONE]"]
    return [frame["choices"][0] for frame in frames[1:-1]]


def thinking(index: int, *texts: str, signature: str | None = None) -> list[StreamEvent]:
    end = BlockEnd(signature, "openai_chat" if signature else None)
    return [BlockStart(index, Thinking("")), *(Delta(text) for text in texts), end]
