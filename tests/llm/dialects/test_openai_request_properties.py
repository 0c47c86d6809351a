"""What holds for every conversation that chat completions can carry, and for every body that they cannot."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.dialects.hub import CALLERS
from llm.dialects.neutral import (
    Audio,
    Conversation,
    Document,
    Image,
    Logprobs,
    Part,
    Reasoning,
    RedactedThinking,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from llm.dialects.openai_chat import GRAMMAR
from llm.errors import InvalidRequest
from llm.spec import Dialect, Request
from tests.llm.dialects.breaking import broken
from tests.llm.dialects.drawing import ARGUMENTS, VALUES, WORDS
from tests.llm.dialects.folding import OPENAI

SIGNATURES = st.text("abcXYZ019+/=~.", min_size=1, max_size=8)
JSON = st.dictionaries(WORDS, VALUES, max_size=2).map(lambda value: msgspec.Raw(json.dumps(value).encode()))
FILES = st.builds(Document, media_type=st.just("application/pdf"), data=st.just("JVBERi0="), title=WORDS) | st.builds(
    Image, url=st.just("https://e.com/a.png"), detail=st.sampled_from([None, "low", "high", "original"])
)
IMAGES = st.builds(Image, media_type=st.just("image/png"), data=st.just("AAAA"))
SOUNDS = st.builds(Audio, st.sampled_from(["audio/wav", "audio/mpeg"]), st.just("UklG"))


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    kind = draw(st.sampled_from(["system", "developer", "user", "assistant", "tool"]))
    text: Part = Text(draw(WORDS))
    if kind == "tool":
        return Turn("user", (ToolResult(draw(WORDS), (Text(draw(WORDS)),)),))
    if kind in ("system", "developer"):
        return Turn(kind, (text,))
    if kind == "user":
        return Turn("user", (text, *draw(st.lists(FILES | IMAGES | SOUNDS | st.builds(Text, WORDS), max_size=3))))
    own = st.builds(Thinking, WORDS, SIGNATURES, st.just(OPENAI)) | st.builds(
        RedactedThinking, SIGNATURES, st.just(OPENAI)
    )
    thinking = draw(st.lists(st.builds(Thinking, WORDS), max_size=1) | st.lists(own, max_size=3))
    calls = [ToolCall(f"call_{n}", "f", arguments) for n, arguments in enumerate(draw(st.lists(ARGUMENTS, max_size=2)))]
    spoken = draw(st.sampled_from([text, Refusal("No.")]))
    return Turn("assistant", (*thinking, spoken, *calls))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    tools = draw(
        st.lists(
            st.builds(Tool, WORDS, maybe(WORDS), maybe(JSON), maybe(st.booleans())),
            max_size=2,
            unique_by=lambda t: t.name,
        )
    )
    choices = [None, ToolChoice("auto"), ToolChoice("none"), *([ToolChoice("required")] if tools else [])]
    formats = st.just(ResponseFormat()) | st.builds(ResponseFormat, JSON, WORDS, maybe(WORDS), maybe(st.booleans()))
    efforts = st.sampled_from(["minimal", "low", "medium", "high", "xhigh"])
    filled = JSON.filter(lambda raw: bytes(raw) != b"{}")
    return Conversation(
        turns=tuple(draw(st.lists(turns(), min_size=1, max_size=4))),
        tools=tuple(tools),
        tool_choice=draw(st.sampled_from(choices)) if tools else None,
        parallel_tool_calls=draw(maybe(st.booleans())) if tools else None,
        sampling=Sampling(
            max_tokens=draw(maybe(st.integers(0, 10**6))),
            temperature=draw(maybe(st.floats(0, 2))),
            top_p=draw(maybe(st.floats(0, 1))),
            stop=tuple(draw(st.lists(WORDS, max_size=2))),
            seed=draw(maybe(st.integers())),
            presence_penalty=draw(maybe(st.floats(0.1, 2))),
            frequency_penalty=draw(maybe(st.floats(-2, -0.1))),
            logit_bias=draw(maybe(filled)),
        ),
        reasoning=draw(maybe(st.builds(Reasoning, effort=efforts) | st.just(Reasoning(off=True)))),
        response_format=draw(maybe(formats)),
        logprobs=draw(maybe(st.builds(Logprobs, st.integers(0, 20)))),
        user=draw(maybe(WORDS)),
        metadata=draw(maybe(filled)),
        service_tier=draw(maybe(st.sampled_from(["auto", "default", "flex", "priority"]))),
        verbosity=draw(maybe(st.sampled_from(["low", "medium", "high"]))),
        stream=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(conversations())
def test_a_conversation_is_read_as_it_was_written(conversation: Conversation) -> None:
    body, lost = GRAMMAR.write_request(conversation, default_max_tokens=None)
    assert lost == ()
    fields = msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])
    asked = Request(dialect=OPENAI, model="m", fields=fields, stream=conversation.stream)
    assert GRAMMAR.read_request(asked) == conversation


# One of everything that callers say, to be broken in one place.
GOOD: dict[Dialect, dict[str, Any]] = {
    OPENAI: {
        "messages": [
            {"role": "system", "content": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                    {"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a", "file_data": "data:text/plain;base64,QQ=="}},
                    {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
                ],
            },
            {
                "role": "assistant",
                "content": "x",
                "reasoning_content": "x",
                "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s", "index": 0}],
                "annotations": [{"type": "url_citation", "url_citation": {"url": "x", "end_index": 1}}],
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "reasoning_effort": "low",
        "logprobs": True,
        "top_logprobs": 1,
        "logit_bias": {"1": 1},
        "metadata": {"a": "b"},
        "stop": ["x"],
        "user": "u",
        "store": False,
    },
    "openai_completions": {"prompt": ["x"], "echo": False, "best_of": 1, "suffix": "", "stop": "x", "max_tokens": 1},
}


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([OPENAI, "openai_completions"]))
def test_any_json_is_read_or_refused(data: st.DataObject, dialect: Dialect) -> None:
    wrong = data.draw(broken(GOOD[dialect]).filter(lambda found: isinstance(found, dict)))
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in wrong.items()}
    try:
        conversation = CALLERS[dialect].read_request(Request(dialect=dialect, model="m", fields=fields))
        written_body, _ = GRAMMAR.write_request(conversation, default_max_tokens=None)
    except InvalidRequest as error:
        assert error.param
    else:
        assert msgspec.json.encode(written_body)
