"""Scenarios: whole answers, and what the provider gets to see of a request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from tests.contract.bench import Bench
from tests.contract.listing import scenario
from tests.contract.talk import Counted, Heard, Say, Talk, user
from tests.support.upstream_answers import Tokens, ToolCall
from tests.support.upstream_behaviours import FIXTURES, fixture, gzipped, held, text, tools

PARIS = ToolCall("weather", '{"city":"Paris","days":2}', "call_a")
CLOCK = ToolCall("clock", "{}", "call_b")


@scenario()
async def plain_text(bench: Bench) -> None:
    result = await bench.ask(user("good morning to you"))
    heard = bench.read(result.body)
    assert heard.text.lower() == "echo: good morning to you"
    assert (heard.finish, result.finish_reason) == ("stop", "stop")
    assert heard.usage == Counted(4, 5)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (4, 5)
    assert result.dropped == ()


@scenario()
async def text_of_any_script(bench: Bench) -> None:
    assert (await bench.hear(user("žluťoučký 🐎 \\ \"'\x7f"))).text[6:] == "žluťoučký 🐎 \\ \"'\x7f"


@scenario()
async def system(bench: Bench) -> None:
    talk = user("hello", system="Be brief.")
    await bench.hear(talk)
    assert bench.understood() == talk


@scenario()
async def multi_turn(bench: Bench) -> None:
    talk = Talk((Say("user", "first"), Say("assistant", "yes?"), Say("user", "second")), system="Listen.")
    assert (await bench.hear(talk)).text == "echo: second"
    assert bench.understood() == talk


@scenario()
async def last_user_text_is_answered(bench: Bench) -> None:
    talk = Talk((Say("user", "first"), Say("assistant", "yes?"), Say("user", "second")))
    assert (await bench.hear(talk)).text.lower() == "echo: second"


@scenario()
async def tools_called_in_parallel(bench: Bench) -> None:
    talk = user("weather and time?", tools=("weather", "clock"))
    heard = await bench.hear(talk, tools(PARIS, CLOCK, content="I look."))
    assert heard.calls == (PARIS, CLOCK)
    assert (heard.text, heard.finish) == ("I look.", "tool_calls")
    assert bench.understood() == talk


@scenario()
async def tool_results(bench: Bench) -> None:
    answers = (("call_a", "sunny"), ("call_b", "noon"))
    says = (Say("user", "weather?"), Say("assistant", "I look.", calls=(PARIS, CLOCK)), Say("user", results=answers))
    talk = Talk(says, tools=("weather", "clock"))
    await bench.hear(talk, text("Sunny at noon."))
    assert bench.understood() == talk


@scenario()
async def image_inline(bench: Bench) -> None:
    talk = Talk((Say("user", "what is this?", image="png"),))
    await bench.hear(talk)
    assert bench.understood() == talk


@scenario()
async def image_by_url(bench: Bench) -> None:
    talk = Talk((Say("user", "what is this?", image="https://pictures.example/cat.png"),))
    await bench.hear(talk)
    assert bench.understood() == talk


@scenario()
async def stop_sequence(bench: Bench) -> None:
    heard = await bench.hear(user("one two three four", stop=("three", "four")))
    assert heard.text.lower().rstrip() == "echo: one two"
    assert heard.finish == "stop"


@scenario()
async def length_finish(bench: Bench) -> None:
    result = await bench.ask(user("one two three four", max_tokens=3))
    heard = bench.read(result.body)
    assert heard.text.lower() == "echo: one two"
    assert (heard.finish, result.finish_reason) == ("length", "length")
    assert heard.usage == Counted(4, 3)


@scenario()
async def cached_usage(bench: Bench) -> None:
    result = await bench.ask(user("again"), text("hello", tokens=Tokens(input=90, output=7, cached=64)))
    assert bench.read(result.body).usage == Counted(90, 7, 64)
    assert (result.usage.input_tokens, result.usage.cached_tokens, result.usage.output_tokens) == (90, 64, 7)
    assert not result.usage.estimated


@scenario("same")
async def unknown_fields_survive(bench: Bench) -> None:
    extra = {"brand_new": {"deep": [1, 2.50, None]}, "other": "x"}
    talk = user("hello", extra=extra)
    result = await bench.ask(talk)
    named = {"model": "served"} if "model" in bench.body(talk) else {}
    assert bench.body(talk) | named == bench.received.json
    assert bench.received.model == "served"
    assert result.dropped == ()


@scenario("same")
async def answer_is_byte_for_byte(bench: Bench) -> None:
    first = await bench.ask(user("hello"), text("hi  there"))
    whole = json.loads(first.body)
    assert bench.received.number == 1
    assert json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode() == first.body
    assert ("avgLogprobs" if bench.caller == "gemini" else "service_tier") in first.body.decode()


@scenario("across")
async def what_is_lost_is_named(bench: Bench) -> None:
    result = await bench.ask(user("hello", extra={"novelty": 1}))
    assert result.dropped == ("novelty",)
    stream = await bench.begin(user("hello", extra={"novelty": 1}))
    assert stream.dropped == ("novelty",)
    await stream.aclose()


@scenario()
async def parameters_fill_what_is_left_out(bench: Bench) -> None:
    given = {"temperature": 0.25, "max_tokens": 7, "model": "other", "stream": True}
    await bench.ask(user("hello", max_tokens=11), parameters=given, extra_body={"service_tier": "flex", "messages": []})
    body = bench.received.json
    assert (bench.temperature, body["service_tier"], bench.received.model) == (0.25, "flex", "served")
    assert bench.understood() == user("hello", max_tokens=11)
    assert not {"max_tokens", "max_completion_tokens"} <= set(body)
    assert body.get("stream") in (None, False)


@scenario()
async def path_and_key(bench: Bench) -> None:
    await bench.ask(user("hello"), secret="sk-test")
    seen, row = bench.received, bench.row
    assert (seen.method, seen.path, seen.model) == ("POST", row.path, "served")
    assert seen.headers["content-type"] == "application/json"
    carrying = {name: value for name, value in seen.headers.items() if "sk-test" in value}
    assert carrying == {row.key_header: f"{row.key_prefix}sk-test"}


@scenario()
async def operators_headers(bench: Bench) -> None:
    target = replace(bench.target, headers={"X-Team": "search", "Content-Type": "text/plain"})
    await bench.adapter.complete(bench.request(user("hello")), target)
    assert bench.received.headers["x-team"] == "search"
    assert bench.received.headers["content-type"] == "application/json"


@scenario()
async def connection_is_used_again(bench: Bench) -> None:
    for _ in range(2):
        await bench.ask(user("hello"))
        await bench.stream(user("hello"))
    assert bench.upstream.total_connections == 1


@scenario()
async def compressed_answer(bench: Bench) -> None:
    assert (await bench.hear(user("hello"), gzipped("small"))).text == "small"


@scenario()
async def cancelling_cancels(bench: Bench) -> None:
    bench.upstream.script(held(text("too late")))
    asking = asyncio.create_task(bench.adapter.complete(bench.request(user("hello")), bench.target))
    await bench.upstream.wait_request()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await bench.upstream.wait_disconnect()


def spaced_alike(heard: Heard) -> Heard:
    """A whole answer's tool input may be spaced otherwise than the streamed one."""
    return replace(heard, calls=tuple(replace(call, arguments=json.loads(call.arguments)) for call in heard.calls))


@scenario()
async def recorded_answers(bench: Bench) -> None:
    """Streamed in small pieces, a recorded answer says the same as whole."""
    folder = FIXTURES / bench.row.fixtures
    stems = sorted(file.stem for file in folder.glob("*.json"))
    assert stems
    for stem in stems:
        name = f"{bench.row.fixtures}/{stem}"
        whole = await bench.hear(user("hello"), fixture(name))
        streamed, stream = await bench.stream(user("hello", wants_usage=True), fixture(name, piece_size=7))
        assert spaced_alike(streamed) == spaced_alike(whole)
        assert stream.summary.usage.output_tokens == (whole.usage and whole.usage.output)
