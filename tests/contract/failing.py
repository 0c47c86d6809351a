"""Scenarios: what a provider refuses, and what goes wrong with it. Both verbs, where both can meet it."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from llm.errors import (
    GatewayError,
    InvalidRequest,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from llm.spec import Timeouts
from tests.contract.bench import KEY, Bench
from tests.contract.listing import scenario
from tests.contract.talk import Talk, user
from tests.support import upstream_faults as faults
from tests.support.upstream_behaviours import Behaviour, answer, pieces, redirect

HELLO = user("hello")

E = TypeVar("E", bound=GatewayError)


async def refused(bench: Bench, expected: type[E], *behaviour: Behaviour, talk: Talk = HELLO, **target: Any) -> E:
    """Both verbs fail alike; the error of a streamed call comes before its answer begins."""
    with pytest.raises(expected) as streamed:
        await bench.begin(talk, *behaviour, **target)
    with pytest.raises(expected) as whole:
        await bench.ask(talk, *behaviour, **target)
    assert type(whole.value) is type(streamed.value) is expected
    assert str(whole.value) == str(streamed.value)
    return whole.value


@scenario()
async def request_refused(bench: Bench) -> None:
    error = await refused(bench, UpstreamRejected, faults.refuse(400, "tool_choice is wrong", code="bad_choice"))
    assert (error.status, error.message, error.retryable) == (400, "tool_choice is wrong", False)


@scenario()
async def model_unknown(bench: Bench) -> None:
    bench.upstream.models = {"another"}
    error = await refused(bench, UpstreamRejected)
    assert error.status == 404 and "served" in error.message


@scenario()
async def too_large(bench: Bench) -> None:
    error = await refused(bench, UpstreamRejected, faults.refuse(413, "Too many bytes."))
    assert (error.status, error.anthropic_type) == (413, "request_too_large")


@scenario()
async def key_refused(bench: Bench) -> None:
    error = await refused(bench, UpstreamAuthFailed, secret="sk-wrong-key")
    assert "sk-wrong" not in error.message
    assert bench.upstream.requests[0].headers[bench.row.key_header].endswith("sk-wrong-key")


@scenario()
async def rate_limited(bench: Bench) -> None:
    error = await refused(bench, UpstreamRateLimited, faults.rate_limited(7))
    assert (error.retry_after, error.retryable) == (7, True)


@scenario()
async def server_error(bench: Bench) -> None:
    error = await refused(bench, UpstreamFailed, faults.server_error(500))
    assert (error.status, error.retryable) == (502, True)


@scenario()
async def overloaded(bench: Bench) -> None:
    await refused(bench, UpstreamFailed, faults.overloaded())


@scenario()
async def html_instead(bench: Bench) -> None:
    await refused(bench, UpstreamFailed, faults.html(502))
    with pytest.raises(UpstreamMalformed):
        await bench.ask(HELLO, faults.html(200))


@scenario()
async def garbage_instead(bench: Bench) -> None:
    with pytest.raises(UpstreamMalformed):
        await bench.ask(HELLO, faults.invalid_json())
    with pytest.raises(UpstreamMalformed):
        await bench.ask(HELLO, answer(json_body={"unexpected": True}))
    await refused(bench, UpstreamFailed, faults.invalid_json(500))
    await refused(bench, UpstreamMalformed, faults.not_http())


@scenario()
async def cut_body(bench: Bench) -> None:
    with pytest.raises(UpstreamUnreachable):
        await bench.ask(HELLO, faults.cut_body())


@scenario()
async def reset_before_answer(bench: Bench) -> None:
    await refused(bench, UpstreamUnreachable, faults.reset())


@scenario()
async def silent(bench: Bench) -> None:
    error = await refused(bench, UpstreamTimeout, faults.silence(), timeouts=Timeouts(first_byte=0.1))
    assert (error.phase, error.status) == ("first_byte", 504)
    await bench.upstream.wait_disconnect(2)


@scenario()
async def redirected(bench: Bench) -> None:
    await refused(bench, UpstreamMalformed, redirect("http://127.0.0.1:1/elsewhere"))
    assert {request.path for request in bench.upstream.requests} <= bench.row.paths


@scenario()
async def refusals_keep_secrets(bench: Bench) -> None:
    netloc = bench.upstream.url.removeprefix("http://")
    words = f"The key {KEY} is not for {netloc}, ask operator-token-1234567 there."
    headers = {"x-operator": "operator-token-1234567"}
    error = await refused(bench, UpstreamRejected, faults.refuse(400, words), headers=headers)
    assert error.message.startswith("The key ")
    assert not any(secret in str(error.args) for secret in (KEY, netloc, "operator-token"))


@scenario()
async def no_event_stream(bench: Bench) -> None:
    for behaviour in (faults.html(200), answer(json_body={"choices": []}), answer(body=b"", content_type="")):
        with pytest.raises(UpstreamMalformed):
            await bench.begin(HELLO, behaviour)


@scenario()
async def stream_refused(bench: Bench) -> None:
    broken = await bench.broken(HELLO, pieces([b"data: <html>\n\n"]))
    assert type(broken.error) is UpstreamMalformed
    broken = await bench.broken(HELLO, pieces([]))
    assert type(broken.error) is UpstreamMalformed


@scenario()
async def stream_cut(bench: Bench) -> None:
    for how, expected in (
        ("close", UpstreamUnreachable),
        ("reset", UpstreamUnreachable),
        ("end", UpstreamMalformed),
    ):
        broken = await bench.broken(HELLO, faults.cut(5, how=how))
        assert type(broken.error) is expected
        assert not broken.stream.summary.finished
        assert how == "reset" or b"one" in broken.given


@scenario()
async def stream_stalls(bench: Bench) -> None:
    broken = await bench.broken(HELLO, faults.stall(5), timeouts=Timeouts(idle=0.2))
    assert type(broken.error) is UpstreamTimeout and broken.error.phase == "idle"
    await bench.upstream.wait_disconnect()


@scenario()
async def stream_malformed(bench: Bench) -> None:
    broken = await bench.broken(HELLO, faults.malformed_chunk(5))
    assert type(broken.error) is UpstreamMalformed
    assert b"one" in broken.given and b"seven" not in broken.given


@scenario()
async def stream_error_inside(bench: Bench) -> None:
    broken = await bench.broken(HELLO, faults.error_in_stream(5))
    assert isinstance(broken.error, UpstreamError)
    assert b"one" in broken.given and b"had an error" not in broken.given
    assert not broken.stream.summary.finished


@scenario()
async def stream_error_keeps_secrets(bench: Bench) -> None:
    netloc = bench.upstream.url.removeprefix("http://")
    broken = await bench.broken(HELLO, faults.error_in_stream(5, f"key {KEY} at {netloc}"))
    assert not any(secret in str(broken.error.args) for secret in (KEY, netloc))


@scenario("across")
async def wrong_types_are_named(bench: Bench) -> None:
    error = await refused(bench, InvalidRequest, talk=user("hello", extra={"temperature": "hot"}))
    assert error.param is not None and error.param.rpartition(".")[2] == "temperature"
    assert bench.upstream.requests == []
