"""A call as it came to its door has all that any call has."""

from __future__ import annotations

from dataclasses import fields

import pytest

from llm.http import calls
from llm.http.exchange import AsgiExchange
from llm.service import Call
from llm.spec import Request

OF_THE_DOOR = {"endpoint", "request", "headers", "request_id", "call_id", "interrupted"}


async def nobody(*_: object) -> dict[str, object]:
    raise AssertionError("nobody is asked")


@pytest.mark.parametrize("label", ["", "mine"])
def test_every_field_is_set(label: str) -> None:
    headers = [(b"x-request-id", label.encode())] if label else []
    exchange = AsgiExchange({"method": "POST", "path": "/", "headers": headers}, nobody, nobody)
    call = calls._Received(exchange, calls.CHAT, 100)
    other = Call("chat/completions", Request("openai_chat", "m", {}))
    for field in fields(Call):
        if field.name not in OF_THE_DOOR:
            assert getattr(call, field.name) == getattr(other, field.name), field.name
    assert exchange.call is call
    assert (call.endpoint, call.headers) == ("chat/completions", exchange.head.headers)
    assert call.request_id == (label or call.call_id)
    assert call.interrupted().code == "no_healthy_upstream"
    exchange.leaving.left = True
    assert call.interrupted().code == "cancelled"
