"""What a chat completion can say beside text, thoughts and calls: sources, log probabilities, refusals, content in
parts; whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from llm.dialects.neutral import (
    BlockEnd,
    BlockStart,
    Citation,
    Cited,
    Delta,
    Finished,
    Refusal,
    Started,
    Text,
    Thinking,
    ToolCall,
)
from llm.dialects.openai_chat import GRAMMAR
from llm.errors import UpstreamMalformed
from llm.spec import Usage
from tests.llm.dialects.chat_answers import chunks_of, read, streamed, thinking, written
from tests.llm.dialects.folding import OPENAI, OUTSIDE, events_of
from tests.llm.dialects.test_answers import call
from tests.llm.dialects.test_stream_manners import DONE, chunk

SOURCE = {"url": "https://e.com", "title": "E", "start_index": 1, "end_index": 4}
TOKEN = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}

# Sources


def test_sources_of_an_answer() -> None:
    annotations = [
        {"type": "url_citation", "url_citation": SOURCE},
        {"type": "url_citation", "url_citation": {"url": "https://b.com", "content": "said", "end_index": 0}},
        {"type": "url_citation", "url_citation": "strange"},
        {"type": "file", "file": {"hash": "x"}},
    ]
    assert read({"content": "Hello", "annotations": annotations}).parts == (
        Text("Hello", (Citation("https://e.com", "E", None, 1, 4), Citation("https://b.com", quote="said"))),
    )
    assert read({"content": "Hello", "annotations": {"strange": 1}}).parts == (Text("Hello"),)


def test_sources_are_written() -> None:
    cited = (Citation("https://e.com", "E", "quoted", 1, 4), Citation(title="Letter"))
    message = written(Text("Hel"), Text("lo", cited))["message"]
    assert message["annotations"] == [
        {"type": "url_citation", "url_citation": {**SOURCE, "content": "quoted"}},
        {"type": "url_citation", "url_citation": {"url": "", "title": "Letter", "start_index": 0, "end_index": 0}},
    ]


def annotation(url: str) -> dict[str, Any]:
    return {"type": "url_citation", "url_citation": {"url": url}}


def test_sources_of_a_stream_stand_in_its_text() -> None:
    early, late, last = (Citation(f"https://{name}.com") for name in ("early", "late", "last"))
    events = streamed(
        {"annotations": [annotation("https://early.com")]},
        {"content": "Hi", "annotations": [annotation("https://late.com")]},
        {"tool_calls": [{"index": 0, **call("c", "f", "{}")}]},
        {"annotations": [annotation("https://last.com")]},
    )
    assert events == [
        BlockStart(0, Text("")),
        Cited(early),
        Delta("Hi"),
        Cited(late),
        BlockEnd(),
        BlockStart(1, ToolCall("c", "f", "")),
        Delta("{}"),
        BlockEnd(),
        BlockStart(2, Text("")),
        Cited(last),
        BlockEnd(),
    ]


def test_sources_are_streamed_with_an_index() -> None:
    """OpenAI's client raises for entries of a list in a delta that have none."""
    first, second = Citation("https://a.com", start=0, end=1), Citation("https://b.com")
    choices = chunks_of(BlockStart(0, Text("")), Delta("x"), Cited(first), Cited(second), BlockEnd())
    assert [choice["delta"]["annotations"][0]["index"] for choice in choices[1:]] == [0, 1]
    assert choices[1]["delta"]["annotations"][0]["url_citation"]["url"] == "https://a.com"


# Log probabilities


def test_log_probabilities_of_an_answer() -> None:
    answer = read({"content": "Hi"}, logprobs={"content": [TOKEN, TOKEN], "refusal": None})
    assert answer.logprobs is not None and json.loads(bytes(answer.logprobs)) == [TOKEN, TOKEN]
    for nothing in (None, {"content": None}, {"content": []}, "strange", {"tokens": ["Hi"]}):
        assert read({"content": "Hi"}, logprobs=nothing).logprobs is None


def test_log_probabilities_are_written_where_their_text_is() -> None:
    entries = msgspec.Raw(json.dumps([TOKEN]).encode())
    assert written(Text("Hi"), logprobs=entries)["logprobs"] == {"content": [TOKEN], "refusal": None}
    refusal = written(Refusal("Hi"), logprobs=entries, reason="refusal")
    assert refusal["logprobs"] == {"content": None, "refusal": [TOKEN]}
    assert read({"refusal": "Hi"}, logprobs=refusal["logprobs"]).logprobs is not None


def test_log_probabilities_of_a_stream_stand_at_the_text_of_their_tokens() -> None:
    def piece(content: str, *tokens: str) -> bytes:
        entries = [{**TOKEN, "token": token} for token in tokens]
        body = {"index": 0, "delta": {"content": content}, "logprobs": {"content": entries}}
        lines = json.dumps({"id": "c", "model": "m", "choices": [body]}, indent=1).encode().splitlines()
        return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"

    sent = piece("", "\\xf0") + piece("Hi", "Hi") + piece("", "lost: no text has it") + chunk(finish="stop") + DONE
    deltas = [event for event in events_of(OPENAI, sent) if isinstance(event, Delta)]
    assert [delta.text for delta in deltas] == ["Hi"]
    assert deltas[0].logprobs is not None and b"\n" not in bytes(deltas[0].logprobs)
    assert [entry["token"] for entry in json.loads(bytes(deltas[0].logprobs))] == ["\\xf0", "Hi"]


def test_log_probabilities_are_streamed() -> None:
    entries = msgspec.Raw(json.dumps([TOKEN], indent=1).encode())
    choices = chunks_of(
        BlockStart(0, Text("")),
        Delta("Hi", entries),
        Delta("!"),
        BlockEnd(),
        BlockStart(1, Refusal("")),
        Delta("Hi", entries),
        BlockEnd(),
    )
    assert [choice["logprobs"] for choice in choices] == [
        {"content": [TOKEN], "refusal": None},
        None,
        {"content": None, "refusal": [TOKEN]},
    ]


# Refusals, and content in parts


def test_a_refusal_is_the_same_again() -> None:
    choice = written(Refusal("No."), reason="refusal")
    assert (choice["message"]["refusal"], choice["finish_reason"]) == ("No.", "stop")
    answer = read(choice["message"], finish_reason=choice["finish_reason"])
    assert (answer.parts, answer.finish_reason) == ((Refusal("No."),), "refusal")


def test_a_refusal_that_has_only_a_text_says_so_in_its_finish_reason() -> None:
    assert written(Text("No."), reason="refusal")["finish_reason"] == "content_filter"


def test_a_streamed_refusal_ends_as_openais_do() -> None:
    writer = GRAMMAR.writer(OUTSIDE, False)
    events = [BlockStart(0, Refusal("")), Delta("No."), BlockEnd(), Finished("refusal", Usage())]
    sent = b"".join(writer.write(event) for event in [Started("id", "m", Usage()), *events])
    assert b'"finish_reason":"stop"' in sent
    assert events_of(OPENAI, sent)[1:] == events


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
    {"type": "text", "text": "Hello"},
    {"type": "reference", "reference_ids": [1]},
    {"type": "text", "text": 5},
    "strange",
]


def test_content_in_parts() -> None:
    assert read({"content": PARTS}).parts == (Thinking("hm"), Text("Hello"))
    assert streamed({"content": PARTS}) == [
        *thinking(0, "hm"),
        BlockStart(1, Text("")),
        Delta("Hello"),
        BlockEnd(),
    ]


def test_prose_that_waited_comes_before_what_follows_it() -> None:
    def piece(arguments: str, **more: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "function": {"arguments": arguments, **more}}]}

    events = streamed(piece('{"a"', name="f"), {"content": "one "}, piece(":1}"), {"content": "two"})
    assert [event.text for event in events if isinstance(event, Delta)] == ['{"a"', ":1}", "one ", "two"]
    assert len([event for event in events if isinstance(event, BlockStart)]) == 2


def test_a_call_without_a_name_is_no_answer() -> None:
    with pytest.raises(UpstreamMalformed):
        read({"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}]})
