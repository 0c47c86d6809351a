"""OpenAI's older completions: their callers at a provider of the same dialect, and at any other."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openai.types import Completion

from llm.dialects.grammar import CallerSide, Grammar
from llm.dialects.hub import (
    CALLERS,
    GRAMMARS,
    open_stream,
    passthrough_request,
    read_result,
    render_error,
    render_stream_error,
    translate_request,
    upstream_error,
    wants_usage,
)
from llm.dialects.sse import SseDecoder
from llm.errors import InvalidRequest, UpstreamMalformed, UpstreamRateLimited, UpstreamRejected
from llm.spec import Dialect, Result, StreamSummary, Usage
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, pieces, run
from tests.llm.dialects.recordings import corpus, recorded
from tests.llm.dialects.test_answers import ANTHROPIC_USAGE, OPENAI_USAGE, USAGE, completion, message

COMPLETIONS: Dialect = "openai_completions"


def translated(body: dict[str, Any], to: Dialect = OPENAI, *, stream: bool = False) -> tuple[Any, tuple[str, ...]]:
    asked = request(COMPLETIONS, {"model": "m", **body}, stream=stream)
    written, dropped = translate_request(asked, to, model="other", default_max_tokens=99)
    return msgspec.json.decode(msgspec.json.encode(written)), dropped


def read(body: Any, upstream: Dialect) -> Result:
    data = json.dumps(body).encode()
    return read_result(
        data, upstream=upstream, caller=COMPLETIONS, model="asked", clock=OUTSIDE.clock, new_id=OUTSIDE.new_id
    )


def streamed(data: bytes, upstream: Dialect, *, include_usage: bool = True, size: int = 1 << 20) -> bytes:
    stream = open_stream(
        upstream=upstream,
        caller=COMPLETIONS,
        include_usage=include_usage,
        model="asked",
        summary=StreamSummary(),
        clock=OUTSIDE.clock,
        new_id=OUTSIDE.new_id,
    )
    return run(stream, pieces(data, size))


def test_nobody_translates_to_it() -> None:
    assert COMPLETIONS not in GRAMMARS
    assert isinstance(CALLERS[COMPLETIONS], CallerSide) and not isinstance(CALLERS[COMPLETIONS], Grammar)


@pytest.mark.parametrize("prompt", ["Once upon", ["Once upon"]])
def test_a_prompt_is_one_turn_of_the_user(prompt: Any) -> None:
    body, dropped = translated({"prompt": prompt})
    assert body == {
        "model": "other",
        "messages": [{"role": "user", "content": "Once upon"}],
        "max_completion_tokens": 16,
        "stream": False,
    }
    assert dropped == ()


def test_all_that_a_request_says() -> None:
    body, dropped = translated(
        {
            "prompt": "x",
            "max_tokens": 5,
            "temperature": 0.5,
            "top_p": 0.25,
            "stop": "END",
            "seed": 7,
            "presence_penalty": 1,
            "frequency_penalty": 2,
            "logit_bias": {"1": 2},
            "user": "u",
            "n": 1,
            "best_of": 1,
            "echo": False,
            "suffix": "",
            "logprobs": None,
            "stream_options": {"include_usage": True},
            "guided_regex": "x",
        },
        stream=True,
    )
    assert body == {
        "model": "other",
        "messages": [{"role": "user", "content": "x"}],
        "max_completion_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.25,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": 1,
        "frequency_penalty": 2,
        "logit_bias": {"1": 2},
        "user": "u",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert dropped == ("guided_regex",)


def test_it_goes_to_another_vendor_too() -> None:
    body, dropped = translated({"prompt": "x", "seed": 7}, ANTHROPIC)
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
    assert body["max_tokens"] == 16
    assert dropped == ("seed",)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": {"text": "x"}}, "prompt"),
        ({"prompt": "x", "suffix": "y"}, "suffix"),
        ({"prompt": "x", "echo": True}, "echo"),
        ({"prompt": "x", "best_of": 2}, "best_of"),
        ({"prompt": "x", "logprobs": 0}, "logprobs"),
        ({"prompt": "x", "logprobs": 5}, "logprobs"),
        ({"prompt": "x", "n": 2}, "n"),
        ({"prompt": "x", "max_tokens": "many"}, "max_tokens"),
        ({"prompt": "x", "stop": [1]}, "stop[0]"),
    ],
)
def test_what_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        translated(body)
    assert caught.value.param == param
    assert caught.value.message.startswith(param) or param == "n"


def test_a_writers_complaint_about_the_turns_names_the_callers_own_field() -> None:
    """Anthropic takes no conversation without content; a caller of completions has no `messages`."""
    with pytest.raises(InvalidRequest) as caught:
        translated({"prompt": ""}, ANTHROPIC)
    assert caught.value.param == "prompt"
    assert caught.value.message.startswith("prompt")


def test_what_passes_through_asks_for_its_usage() -> None:
    body = {"prompt": [[1, 2]], "suffix": "y", "novel": 1}
    asked = request(COMPLETIONS, body, stream=True)
    sent = msgspec.json.decode(msgspec.json.encode(passthrough_request(asked, model="other")))
    assert sent == {**body, "model": "other", "stream_options": {"include_usage": True}}
    assert wants_usage(asked) is False
    asked.fields["stream_options"] = msgspec.Raw(b'{"include_usage":true}')
    assert wants_usage(asked) is True
    assert "stream_options" not in passthrough_request(request(COMPLETIONS, body), model="other")


ANSWER = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"text": "x", "index": 0, "logprobs": None, "finish_reason": "length"}],
    "usage": OPENAI_USAGE,
}


def test_an_answer_passes_byte_for_byte() -> None:
    data = json.dumps(ANSWER, indent=3).encode()
    result = read_result(data, upstream=COMPLETIONS, caller=COMPLETIONS, model="asked")
    assert result == Result(body=data, usage=USAGE, finish_reason="length")
    with pytest.raises(UpstreamMalformed):
        read_result(b'{"choices":[]}', upstream=COMPLETIONS, caller=COMPLETIONS, model="asked")
    with pytest.raises(UpstreamRateLimited):
        read_result(b'{"error":{"code":429,"message":"x"}}', upstream=COMPLETIONS, caller=COMPLETIONS, model="asked")


@pytest.mark.parametrize(
    ("body", "upstream", "text", "reason"),
    [
        (completion({"content": "Hi", "reasoning_content": "hm"}), OPENAI, "Hi", "stop"),
        (completion({"content": "Hi"}, "length"), OPENAI, "Hi", "length"),
        (completion({"content": "Hi"}, "content_filter"), OPENAI, "Hi", "content_filter"),
        (completion({"content": None, "refusal": "No."}), OPENAI, "No.", "content_filter"),
        (completion({"content": None}), OPENAI, "", "stop"),
        (message([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), ANTHROPIC, "ab", "stop"),
        (message([{"type": "text", "text": "a"}], "refusal", usage=ANTHROPIC_USAGE), ANTHROPIC, "a", "content_filter"),
    ],
)
def test_an_answer_of_another_dialect(body: dict[str, Any], upstream: Dialect, text: str, reason: str) -> None:
    result = read(body, upstream)
    Completion.model_validate_json(result.body, strict=True)
    assert json.loads(result.body) == {
        "id": "cmpl-A1" if upstream == OPENAI else "cmpl-B2",
        "object": "text_completion",
        "created": 1764000000,
        "model": "gpt-x" if upstream == OPENAI else "claude-x",
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}],
        "usage": OPENAI_USAGE,
    }
    assert result.usage == USAGE


def chunks_of(data: bytes) -> list[dict[str, Any]]:
    frames = [frame.data for frame in SseDecoder().feed(data)]
    assert frames.pop() == b"[DONE]"
    return [json.loads(frame) for frame in frames]


@pytest.mark.parametrize("size", [1, 64, 1 << 20])
@pytest.mark.parametrize("name", ["openai_text", "openai_reasoning", "openai_refusal", "anthropic_thinking"])
def test_a_stream_of_another_dialect(name: str, size: int) -> None:
    upstream: Dialect = ANTHROPIC if name.startswith("anthropic") else OPENAI
    chunks = chunks_of(streamed(recorded(name), upstream, size=size))
    usage = chunks.pop()
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] > 0
    assert {chunk["usage"] for chunk in chunks} == {None}
    said = "".join(part.get("text", part.get("refusal", "")) for part in corpus(upstream)[name]["parts"])
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == said
    *running, last = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert set(running) == {None} and last is not None
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    Completion.model_validate(chunks[-1], strict=True)


def test_a_stream_whose_caller_wants_no_usage() -> None:
    out = streamed(recorded("anthropic_stop_sequence"), ANTHROPIC, include_usage=False)
    head = b'data: {"id":"cmpl-01B2","object":"text_completion","created":1764000000,"model":"claude-sonnet-4-5",'
    assert out == (
        head
        + b'"choices":[{"text":"one two","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
        + head
        + b'"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}\n\n'
        + b"data: [DONE]\n\n"
    )


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "cmpl-1", "object": "text_completion", "choices": [choice]}).encode() + b"\n\n"


USAGE_CHUNK = b"data: " + json.dumps({"choices": [], "usage": OPENAI_USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("size", [1, 64, 1 << 20])
@pytest.mark.parametrize("asked", [False, True])
def test_a_stream_passes_as_it_came(asked: bool, size: int) -> None:
    summary = StreamSummary()
    stream = open_stream(upstream=COMPLETIONS, caller=COMPLETIONS, include_usage=asked, model="asked", summary=summary)
    sent = piece("one") + piece(" two") + piece("", "length")
    assert run(stream, pieces(sent + USAGE_CHUNK + DONE, size)) == sent + (USAGE_CHUNK if asked else b"") + DONE
    assert (summary.usage, summary.finish_reason, summary.finished) == (USAGE, "length", True)


def test_a_stream_that_is_cut_is_no_answer() -> None:
    stream = open_stream(
        upstream=COMPLETIONS, caller=COMPLETIONS, include_usage=True, model="asked", summary=StreamSummary()
    )
    assert stream.feed(piece("one")) == piece("one")
    with pytest.raises(UpstreamMalformed):
        stream.end()
    with pytest.raises(UpstreamMalformed):
        streamed(recorded("openai_cut"), OPENAI)


def test_errors_are_those_of_chat() -> None:
    error = InvalidRequest("prompt is required.", param="prompt")
    assert render_error(COMPLETIONS, error, "r1") == render_error(OPENAI, error, "r1")
    assert render_stream_error(COMPLETIONS, error, "r1") == render_stream_error(OPENAI, error, "r1")
    refused = upstream_error(COMPLETIONS, status=400, headers={}, body=b'{"error":{"message":"no","param":"prompt"}}')
    assert isinstance(refused, UpstreamRejected) and (refused.message, refused.param) == ("no", "prompt")


def test_a_provider_that_says_no_usage() -> None:
    assert read({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}, OPENAI).usage == Usage()
