"""Writes that are gathered for the end of a turn, and the connection that has not been written to yet."""

from __future__ import annotations

import asyncio

import pytest

from llm.spec import Timeouts
from llm.transport import outbox
from llm.transport.lean.exchange import Exchange, NotActedOn
from llm.transport.lean.sweeper import Sweeper
from llm.transport.lean.wire import Wire
from llm.transport.outbox import AT_ONCE, Outbox

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Noted:
    def __init__(self, name: str, written: list[str]) -> None:
        self._name, self._written = name, written

    def flush(self) -> None:
        self._written.append(self._name)


class Pipe(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


async def test_all_of_a_turn_are_written_in_turn_before_what_is_scheduled_later() -> None:
    written: list[str] = []
    box = Outbox(asyncio.get_running_loop())
    assert all(box.takes(Noted(name, written)) for name in "abc")
    asyncio.get_running_loop().call_soon(written.append, "later")
    assert written == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert written == ["a", "b", "c", "later"]


async def test_after_one_that_was_alone_some_are_written_at_once() -> None:
    written: list[str] = []
    box = Outbox(asyncio.get_running_loop())
    assert box.takes(Noted("alone", written))
    await asyncio.sleep(0)
    assert written == ["alone"]
    taken = [box.takes(Noted("next", written)) for _ in range(AT_ONCE + 2)]
    assert taken == [False] * AT_ONCE + [True, True]
    await asyncio.sleep(0)
    assert box.takes(Noted("busy", written))  # there were two
    await asyncio.sleep(0)


async def test_a_loop_has_one_outbox() -> None:
    loop = asyncio.get_running_loop()
    assert outbox.of(loop) is outbox.of(loop)
    other = asyncio.new_event_loop()
    try:
        assert outbox.of(other) is not outbox.of(loop)
    finally:
        other.close()


class Gathering:
    """A connection that was used before, with a request that waits for the end of the turn."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.pipe, self.wire = Pipe(), Wire(loop)
        self.wire.connection_made(self.pipe)
        self.sweeper = Sweeper(loop, lambda now: False)
        self.wire._used = True
        outbox.of(loop)._at_once = 0  # as where it is busy
        self.exchange = Exchange(loop, self.sweeper, Timeouts())
        self.wire.start(self.exchange, b"POST / HTTP/1.1\r\n\r\n", b"body")
        assert self.pipe.written == []


async def test_a_gathered_request_leaves_whole() -> None:
    given = Gathering()
    await asyncio.sleep(0)
    assert given.pipe.written == [b"POST / HTTP/1.1\r\n\r\nbody"]
    given.wire.data_received(ANSWER)
    await given.exchange.head()
    assert await given.exchange.read() == b"hi"
    given.sweeper.stop()


async def test_what_comes_before_the_request_has_left_is_no_answer_to_it() -> None:
    given = Gathering()
    given.wire.data_received(ANSWER)
    assert given.pipe.closed
    given.wire.connection_lost(None)
    with pytest.raises(NotActedOn):
        await given.exchange.head()
    await asyncio.sleep(0)
    assert given.pipe.written == []
    given.sweeper.stop()


async def test_a_request_that_is_given_up_in_time_never_leaves() -> None:
    given = Gathering()
    await given.exchange.aclose()
    await asyncio.sleep(0)
    assert given.pipe.closed and given.pipe.written == []
    given.sweeper.stop()


async def test_a_connection_that_ends_before_the_turn_does_was_sent_nothing() -> None:
    given = Gathering()
    given.pipe.close()
    await asyncio.sleep(0)
    given.wire.connection_lost(None)
    with pytest.raises(NotActedOn):
        await given.exchange.head()
    assert given.pipe.written == []
    given.sweeper.stop()
