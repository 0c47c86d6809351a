"""Signed thoughts across turns, where the provider of a gateway may be another gateway (`llm.dialects.signatures`)."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import msgspec
import pytest

from llm.dialects.hub import passthrough_request, read_result, translate_request
from llm.dialects.signatures import brought_back, inward, marked_again, outward
from llm.spec import Dialect, StreamSummary
from tests.llm.dialects.asking import request
from tests.llm.dialects.folding import ANTHROPIC, OPENAI, OUTSIDE, by_anthropic, by_openai, codec, run
from tests.llm.dialects.responses_wire import RESPONSES, by_client
from tests.llm.dialects.test_gemini_round_trips import GEMINI, next_chat, next_messages, next_responses

DOORS: list[Dialect] = [OPENAI, ANTHROPIC, RESPONSES]
SECRET = "U2lnbmVkLXRoYXQ="
CALLS = [("fc_1", "look", '{"at":1}'), ("fc_2", "now", "{}")]


def _chat_answer() -> dict[str, Any]:
    calls = [
        {"id": one, "type": "function", "function": {"name": name, "arguments": said}} for one, name, said in CALLS
    ]
    detail = {"type": "reasoning.text", "text": "hm", "signature": SECRET, "format": "anthropic-claude-v1", "index": 0}
    message = {"role": "assistant", "content": None, "reasoning_details": [detail], "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def _messages_answer() -> dict[str, Any]:
    calls = [{"type": "tool_use", "id": one, "name": name, "input": json.loads(said)} for one, name, said in CALLS]
    content = [{"type": "thinking", "thinking": "hm", "signature": SECRET}, *calls]
    usage = {"input_tokens": 1, "output_tokens": 2}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    return {**message, "content": content, "stop_reason": "tool_use", "usage": usage}


def _responses_answer() -> dict[str, Any]:
    calls = [
        {"type": "function_call", "id": f"i_{one}", "call_id": one, "name": name, "arguments": said}
        for one, name, said in CALLS
    ]
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SECRET}
    return {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [thought, *calls]}


def _gemini_answer() -> dict[str, Any]:
    calls = [{"functionCall": {"id": one, "name": name, "args": json.loads(said)}} for one, name, said in CALLS]
    calls[0]["thoughtSignature"] = SECRET  # type: ignore[assignment]  # reason: a part holds both
    candidate = {"content": {"role": "model", "parts": calls}, "finishReason": "STOP"}
    return {"candidates": [candidate], "responseId": "r", "modelVersion": "g"}


ANSWERS: dict[Dialect, Any] = {
    OPENAI: _chat_answer(),
    ANTHROPIC: _messages_answer(),
    RESPONSES: _responses_answer(),
    GEMINI: _gemini_answer(),
}
WAYS = [
    (way, provider)
    for length in (1, 2, 3)
    for way in product(DOORS, repeat=length)
    for provider in ANSWERS
    if length < 3 or len(set(way)) < 3
]
"""The doors of a chain's gateways, the caller's first, and who is asked in the end."""


def answered(way: tuple[Dialect, ...], provider: Dialect) -> Any:
    """What the caller of the first gateway gets."""
    body = json.dumps(ANSWERS[provider]).encode()
    upstream = provider
    for door in reversed(way):
        body = read_result(body, upstream=upstream, caller=door, model="m", new_id=OUTSIDE.new_id).body
        upstream = door
    return json.loads(body)


def next_turn(caller: Dialect, answer: Any) -> dict[str, Any]:
    if caller == OPENAI:
        return next_chat(answer["choices"][0]["message"])
    return next_messages(answer["content"]) if caller == ANTHROPIC else next_responses(answer["output"])


def asked(way: tuple[Dialect, ...], provider: Dialect, body: dict[str, Any]) -> dict[str, Any]:
    """What the provider gets of a caller's body."""
    for caller, upstream in zip(way, (*way[1:], provider), strict=True):
        call = request(caller, body)
        if caller == upstream:
            written: Any = passthrough_request(call, model="m")
        else:
            written, _ = translate_request(call, upstream, model="m", default_max_tokens=99)
        body = json.loads(msgspec.json.encode(written))
        del body["model"]
        body.pop("stream", None)
    return body


def signed(provider: Dialect, body: dict[str, Any]) -> Any:
    """The signed thought of the model's turn, as this provider wants it back."""
    if provider == OPENAI:
        return body["messages"][1]["reasoning_details"]
    if provider == ANTHROPIC:
        return body["messages"][1]["content"][0]
    if provider == RESPONSES:
        return body["input"][1]
    return body["contents"][1]["parts"]


@pytest.mark.parametrize(("way", "provider"), WAYS)
def test_a_provider_gets_its_own_signature_back(way: tuple[Dialect, ...], provider: Dialect) -> None:
    sent = asked(way, provider, next_turn(way[0], answered(way, provider)))
    assert "gw1." not in json.dumps(sent)
    found = signed(provider, sent)
    if provider == OPENAI:
        assert found == ANSWERS[OPENAI]["choices"][0]["message"]["reasoning_details"]
    elif provider == ANTHROPIC:
        assert found == ANSWERS[ANTHROPIC]["content"][0]
    elif provider == RESPONSES:
        assert (found["type"], found["id"], found["encrypted_content"]) == ("reasoning", "rs_1", SECRET)
    else:
        assert found == ANSWERS[GEMINI]["candidates"][0]["content"]["parts"]


@pytest.mark.parametrize(("way", "provider"), [(way, provider) for way, provider in WAYS if len(way) < 3])
def test_no_other_provider_ever_gets_it(way: tuple[Dialect, ...], provider: Dialect) -> None:
    """The caller's next call is served by another provider, or without the second gateway. (One that speaks the
    caller's own dialect, and gave the signature in it, is the same to a gateway.)"""
    body = next_turn(way[0], answered(way, provider))
    direct: list[tuple[tuple[Dialect, ...], Dialect]] = [(way, other) for other in ANSWERS if other != provider]
    if len(way) == 2:
        direct += [(way[:1], other) for other in ANSWERS if other not in way]
    for through, other in direct:
        sent = json.dumps(asked(through, other, body))
        assert SECRET not in sent and "gw1." not in sent and "look" in sent


def streamed(body: bytes, upstream: Dialect, caller: Dialect) -> bytes:
    return run(codec(upstream, caller, StreamSummary()), [body])


@pytest.mark.parametrize("way", [way for way, provider in WAYS if provider == GEMINI])
def test_so_it_is_with_streams(way: tuple[Dialect, ...]) -> None:
    sent = b"data: " + json.dumps(ANSWERS[GEMINI]).encode() + b"\n\n"
    upstream = GEMINI
    for door in reversed(way):
        sent, upstream = streamed(sent, upstream, door), door
    if upstream == OPENAI:
        message = json.loads(by_openai(sent).choices[0].message.to_json())
        body = next_chat({name: message[name] for name in ("role", "content", "tool_calls", "reasoning_details")})
        for call in body["messages"][1]["tool_calls"]:
            call.pop("index", None)
            call["function"].pop("parsed_arguments", None)
    elif upstream == ANTHROPIC:
        body = next_messages([json.loads(block.to_json()) for block in by_anthropic(sent).content])
    else:
        body = next_responses([item.to_dict() for item in by_client(sent).output])
    assert signed(GEMINI, asked(way, GEMINI, body)) == ANSWERS[GEMINI]["candidates"][0]["content"]["parts"]


@pytest.mark.parametrize("home", [*DOORS, GEMINI])
@pytest.mark.parametrize("origin", [None, *DOORS, GEMINI])
@pytest.mark.parametrize("signature", ["sig==", "gw1.gemini.sig==", "gw1.openai_chat.gw1.gemini.sig"])
def test_what_goes_out_comes_in_again(home: Dialect, origin: Dialect | None, signature: str) -> None:
    assert inward(outward(signature, origin, home), home) == (signature, origin or home)


# Arguments are a text where they are JSON in JSON, and an object in messages: neither holds a signature of ours.
ALIKE: dict[Dialect, bytes] = {
    OPENAI: b'{"arguments":"{\\"signature\\":\\"gw1.gemini.x\\"}","content":"gw1.gemini.x"}',
    RESPONSES: b'{"arguments":"{\\"encrypted_content\\":\\"gw1.gemini.x\\"}","text":"gw1.gemini.x"}',
    ANTHROPIC: b'{"type":"tool_use","input":{"signature":"gw1.gemini.x","data":"gw1.gemini.x"},"text":"gw1.gemini.x"}',
}


@pytest.mark.parametrize("home", DOORS)
def test_what_only_looks_like_a_signature_stays(home: Dialect) -> None:
    alike = ALIKE[home]
    assert b'"gw1.' in alike and marked_again(alike, home) == alike
    assert brought_back([msgspec.Raw(alike)], home) == [msgspec.Raw(alike)]


@pytest.mark.parametrize("home", DOORS)
def test_bytes_around_a_mark_that_is_taken_off_stay(home: Dialect) -> None:
    name, kind = {
        OPENAI: ("signature", "reasoning.text"),
        ANTHROPIC: ("signature", "thinking"),
        RESPONSES: ("encrypted_content", "reasoning"),
    }[home]
    quoted = '{ "type":"%s", "thinking" : "say \\"gw1.%s.x\\"", "novel":1.0, "%s" : "%sgw1.gemini.s\\/=" }'
    sent, kept = (quoted % (kind, home, name, mark) for mark in (f"gw1.{home}.", ""))
    assert bytes(brought_back([msgspec.Raw(sent.encode())], home)[0]) == kept.encode()
    foreign = [msgspec.Raw(kept.encode()), msgspec.Raw(b"5"), msgspec.Raw(b'{"type":5}')]
    assert brought_back(foreign, home) == foreign[1:]


def test_a_body_that_cannot_be_read_is_the_providers_to_refuse() -> None:
    odd: Any = {"signature": "gw1.gemini.x"}
    for dialect, name in ((OPENAI, "messages"), (ANTHROPIC, "messages"), (RESPONSES, "input")):
        assert asked((dialect,), dialect, {name: odd}) == {name: odd}
    details = [{"role": "assistant", "content": "x", "reasoning_details": odd}]
    assert asked((OPENAI,), OPENAI, {"messages": details}) == {"messages": details}
