"""Calls that the server hands over whole: the same answers as over ASGI's messages, however the bytes come."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from gateway_project.supervisor import protocol
from gateway_project.supervisor.heads import Heads
from gateway_project.supervisor.line import Line
from gateway_project.supervisor.protocol import Protocol
from llm.errors import RecordNotWritten
from llm.observe.record import CallRecord
from llm.observe.spool import MemorySink
from llm.service import Call
from llm.snapshot import Caller, CallersPart, Snapshot
from tests.llm.http.serving import Raw, Serving, chat
from tests.llm.service.snapshots import KEY
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import answer as answering
from tests.support.upstream_behaviours import held, pieces, text
from tests.support.upstream_faults import cut

CHAT = "/v1/chat/completions"
ENDS = "0\r\n\r\n"


@pytest.fixture
async def door(config: Snapshot, provider: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    monkeypatch.setattr(protocol, "_heads", Heads())
    async with Serving(config) as serving:
        yield serving


def asked(content: str = "Hello", *, key: str = KEY, more: str = "", **fields: object) -> bytes:
    """The bytes of one call."""
    body = msgspec.json.encode(chat("oa/gpt-4o", content, **fields))
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{more}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(client: Raw) -> tuple[int, dict[str, str], bytes]:
    """The next response of this connection: status, headers, body."""
    lines = (await client.until(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    if "content-length" in headers:
        async with asyncio.timeout(5):
            body = await client.reader.readexactly(int(headers["content-length"]))
    else:
        body = await client.until(ENDS.encode())
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize("pieces", [1, 2, 3, 1000], ids=lambda number: f"{number} pieces")
async def test_a_call_is_answered_however_its_bytes_come(door: Serving, pieces: int) -> None:
    door._server.server_state.default_headers = [(b"date", b"today")]
    client = await Raw.connect(door)
    data = asked()
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        client.writer.write(data[start : start + size])
        await client.writer.drain()
        await asyncio.sleep(0)
    status, headers, body = await answer(client)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert msgspec.json.decode(body)["object"] == "chat.completion"
    assert (headers["date"], headers["x-gateway-call-id"]) == ("today", (await door.record()).call_id)


async def test_a_head_that_is_known_brings_its_own_body_each_time(door: Serving, provider: FakeUpstream) -> None:
    client = await Raw.connect(door)
    for content in ("one", "two and more", "three"):
        client.writer.write(asked(content))
        assert (await answer(client))[0] == 200
        assert msgspec.json.decode(provider.requests[-1].body)["messages"][0]["content"] == content
    other = await Raw.connect(door)
    other.writer.write(asked("four", more="x-request-id: mine\r\n"))
    assert (await answer(other))[1]["x-request-id"] == "mine"
    other.writer.write(asked("five", key="gw-wrong"))
    assert (await answer(other))[0] == 401
    other.writer.write(asked("six", more="x-request-id: mine\r\n"))
    assert (await answer(other))[0] == 200
    assert len(await door.records(6)) == 6
    known = protocol._heads._known.values()
    assert [one.head.label for one in known] == ["", "mine", ""]


async def test_the_key_of_a_known_head_is_judged_by_the_configuration_of_the_moment(
    door: Serving, config: Snapshot
) -> None:
    (caller,) = config.callers.by_key_hash.values()
    expired = replace(caller, expires_at=datetime.now(UTC))
    client = await Raw.connect(door)

    async def status(callers: Mapping[bytes, Caller]) -> int:
        door.holder.swap(replace(config, callers=CallersPart(callers, {})))
        client.writer.write(asked())
        return (await answer(client))[0]

    digests = list(config.callers.by_key_hash)
    known = dict.fromkeys(digests, caller)
    assert [await status(one) for one in (known, known, {}, known)] == [200, 200, 401, 200]
    assert [await status(one) for one in (dict.fromkeys(digests, expired), known)] == [401, 200]


async def test_what_a_known_head_says_holds_for_each_of_its_calls(door: Serving, provider: FakeUpstream) -> None:
    client = await Raw.connect(door)
    said = "x-gateway-tags: team=x\r\nx-gateway-session: s\r\nopenai-beta: b-1\r\nx-other: y\r\n"
    for _ in range(3):
        client.writer.write(asked(more=said))
        assert (await answer(client))[0] == 200
        client.writer.write(asked(more="x-gateway-timeout-ms: soon\r\n"))
        assert (await answer(client))[0] == 400
    records = await door.records(6)
    assert [record.tags for record in records] == [{"team": "x"}, {}] * 3
    assert [one.headers["openai-beta"] for one in provider.requests] == ["b-1"] * 3


async def test_a_caller_that_leaves_before_its_call_has_begun_cancels_it(door: Serving, provider: FakeUpstream) -> None:
    provider.default = held(text("never"))
    client = await Raw.connect(door)
    client.writer.write(asked("first"))
    await provider.wait_request()
    provider.release()
    await answer(client)
    (connection,) = door._server.server_state.connections
    connection.data_received(asked("second"))
    connection.connection_lost(None)
    assert [record.status for record in await door.records(2)] == ["succeeded", "cancelled"]
    assert door._server.server_state.tasks == set()


async def test_calls_in_one_piece_are_answered_in_their_order(door: Serving, provider: FakeUpstream) -> None:
    provider.script(text("first"), text("second"), text("third"))
    client = await Raw.connect(door)
    client.writer.write(asked("1") + asked("2") + asked("3"))
    told = [msgspec.json.decode((await answer(client))[2])["choices"][0]["message"]["content"] for _ in range(3)]
    assert told == ["first", "second", "third"]


async def test_a_stream_and_what_follows_it(door: Serving) -> None:
    client = await Raw.connect(door)
    client.writer.write(asked(stream=True) + asked("after"))
    status, headers, body = await answer(client)
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert b"[DONE]" in body
    assert (await answer(client))[0] == 200


async def test_what_is_no_http_behind_a_call_ends_the_connection_after_its_answer(door: Serving) -> None:
    client = await Raw.connect(door)
    client.writer.write(asked())
    assert (await answer(client))[0] == 200
    client.writer.write(b"no http\r\n\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.1 400")


async def test_a_caller_that_wants_no_more_gets_its_connection_closed(door: Serving) -> None:
    client = await Raw.connect(door)
    client.writer.write(asked(more="connection: close\r\n"))
    rest = await client.rest()
    assert rest.startswith(b"HTTP/1.1 200") and b"connection: close" in rest


async def test_a_body_past_the_limit_is_refused(config: Snapshot, provider: FakeUpstream) -> None:
    async with Serving(config, body_limit=200) as door:
        client = await Raw.connect(door)
        client.writer.write(asked("x" * 300))
        status, _, body = await answer(client)
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (413, "request_too_large")
        assert provider.requests == []


async def test_an_application_that_fails_is_500_and_ends_the_connection(door: Serving) -> None:
    asked_for: list[str] = []

    class Broken:
        @staticmethod
        async def direct(line: Line) -> None:
            asked_for.append(line.head.path)
            raise RuntimeError("a detail")

    door.app = Broken()
    client = await Raw.connect(door)
    client.writer.write(asked())
    rest = await client.rest()
    assert asked_for == [CHAT]
    assert rest.startswith(b"HTTP/1.1 500") and b"detail" not in rest and b"connection: close" in rest


class Impatient(Protocol):
    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        self.timeout_keep_alive = 0.1  # type: ignore[assignment]  # reason: uvicorn counts whole seconds


async def test_a_connection_that_rests_too_long_is_closed(config: Snapshot, provider: FakeUpstream) -> None:
    async with Serving(config, protocol=Impatient) as door:
        provider.default = held(text("late"))
        client = await Raw.connect(door)
        client.writer.write(asked())
        await provider.wait_request()
        with pytest.raises(TimeoutError):  # a call under way is no rest
            async with asyncio.timeout(0.3):
                await client.reader.read(1)
        provider.release()
        assert (await answer(client))[0] == 200
        assert await client.rest() == b""


async def test_a_server_that_goes_down_answers_what_is_under_way_and_closes(
    config: Snapshot, provider: FakeUpstream
) -> None:
    provider.default = held(text("late"))
    async with Serving(config) as door:
        resting, client = await Raw.connect(door), await Raw.connect(door)
        client.writer.write(asked())
        await provider.wait_request()
        for one in list(door._server.server_state.connections):
            one.shutdown()
        assert await resting.rest() == b""
        provider.release()
        status, headers, _ = await answer(client)
        assert (status, headers["connection"]) == (200, "close")
        assert await client.rest() == b""
        assert door._server.server_state.tasks == set()


@contextmanager
def uncollected() -> Iterator[list[object]]:
    """What only the collector finds, of all that is let go of in the block."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    found: list[object] = []
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_call_that_is_over_leaves_nothing_to_the_collector(door: Serving, stream: bool) -> None:
    client = await Raw.connect(door)
    client.writer.write(asked(stream=stream))
    await answer(client)
    with uncollected() as found:
        for _ in range(5):
            client.writer.write(asked(stream=stream))
            assert (await answer(client))[0] == 200
        await door.records(6)
    assert [one for one in found if isinstance(one, Call | Line)] == []


HALF = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
FAILING = {
    "no JSON": (asked()[:-2] + b"]]", None),
    "no such key": (asked(key="gw-no"), None),
    "refused": (asked(), answering(400, json_body={"error": {"message": "no"}})),
    "cut": (asked(stream=True), pieces([HALF])),
    "torn": (asked(stream=True), cut(how="close")),
    "broken": (asked(stream=True), pieces([HALF, b'data: {"error":{"message":"x"}}\n\n'])),
}


@pytest.mark.parametrize("name", FAILING)
async def test_a_call_that_fails_leaves_nothing_to_the_collector(
    door: Serving, provider: FakeUpstream, name: str
) -> None:
    data, behaviour = FAILING[name]
    provider.default = behaviour or provider.default
    client = await Raw.connect(door)
    client.writer.write(data)
    await answer(client)
    with uncollected() as found:
        for _ in range(8):  # the last ones find a breaker open
            client.writer.write(data)
            await answer(client)
        await door.records(9)
    assert [one for one in found if isinstance(one, Call | Line)] == []


async def test_a_connection_that_rests_keeps_no_body(door: Serving) -> None:
    client = await Raw.connect(door)
    client.writer.write(asked("x" * 1000))
    await answer(client)
    (connection,) = door._server.server_state.connections
    assert isinstance(connection.cycle, Line) and connection.cycle.body is None


class Refusing(MemorySink):
    def write(self, record: CallRecord) -> None:
        raise RecordNotWritten("No disk.")


async def test_a_stream_whose_record_is_refused_is_cut(config: Snapshot, provider: FakeUpstream) -> None:
    """Half of it is out: no second head may come behind it, and nothing that looks like its end."""
    provider.default = pieces([HALF, b'data: {"choices":[{"index":0,"delta":{"content":5}}]}\n\n'], pause=0.05)
    async with Serving(config, sink=Refusing()) as door:
        client = await Raw.connect(door)
        body = msgspec.json.encode({"model": "oa/gpt-4o", "prompt": "x", "stream": True})
        head = (
            f"POST /generate HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        client.writer.write(head.encode() + body)
        told = await client.rest()
    assert told.count(b"HTTP/1.1 ") == 1 and not told.endswith(ENDS.encode())


async def test_what_fails_before_it_is_a_call_is_told(door: Serving) -> None:
    def direct(line: Line) -> None:
        raise RuntimeError("boom")

    client = await Raw.connect(door)
    client.writer.write(asked())
    await answer(client)
    (connection,) = door._server.server_state.connections
    connection._direct = direct
    client.writer.write(asked())
    assert (await answer(client))[0] == 500
    assert await client.rest() == b""
