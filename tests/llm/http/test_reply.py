"""The heads of answers: whatever comes from outside, no line of its own gets into one."""

from __future__ import annotations

import pytest

from llm.http import reply
from llm.http.exchange import AsgiExchange
from llm.service import Call
from llm.spec import Request

HOSTILE = ["a\r\nset-cookie: b", "a\nset-cookie: b", "a\rset-cookie: b", "a\0b", "\u2028set-cookie: b", "\u00e9"]
REQUEST = Request("openai_chat", "m", {})


async def nobody(*_: object) -> dict[str, object]:
    raise AssertionError("nobody is asked")


def exchange(**headers: str) -> AsgiExchange:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return AsgiExchange({"method": "POST", "path": "/", "headers": named}, nobody, nobody)


@pytest.mark.parametrize("value", HOSTILE)
def test_what_others_named_makes_no_line(value: str) -> None:
    asked = exchange(x_request_id=value)
    call = asked.call = Call("chat/completions", REQUEST, call_id=asked.call_id)
    call.info.provider, call.info.model, call.info.dropped = value, value, (value, "tools")
    told = reply.lines(asked, "anthropic_messages")
    assert told.isascii() and told.endswith(b"\r\n")
    named = told.decode().removesuffix("\r\n").split("\r\n")
    assert [line.partition(": ")[0] for line in named] == [
        *("x-request-id", "request-id", "x-gateway-call-id", "x-gateway-overhead-ms", "x-gateway-attempts"),
        *("x-gateway-revision", "x-gateway-cache", "x-gateway-provider", "x-gateway-model", "x-gateway-dropped"),
    ]
    assert all(line.isprintable() for line in named)
    assert named[0] == f"x-request-id: {asked.call_id}"


@pytest.mark.parametrize("value", HOSTILE[:4])
def test_a_type_of_an_answer_with_a_line_in_it_is_refused(value: str) -> None:
    with pytest.raises(RuntimeError):
        reply.typed(value)


def test_a_type_of_an_answer_goes_on_as_it_is() -> None:
    assert reply.typed("audio/mpeg; x=\u00e9\u2028") == b"content-type: audio/mpeg; x=\xe9?\r\n"
