"""A stream between two loops: whole whatever the reader's pace, and no more of it in memory than a little."""

from __future__ import annotations

import asyncio

import pytest

from llm import sync
from llm.adapters import adapter
from llm.bodies import openai
from llm.core.gateways import Own
from llm.core.local_stream import MOST_WAITING, LocalStream
from llm.errors import GatewayUnavailable
from llm.service import Call
from llm.snapshot import Holder
from tests.llm.service.snapshots import snapshot, upstream

WORDS = " ".join(f"word-{number}" for number in range(500))
BODY = b'{"model": "echo", "stream": true, "messages": [{"role": "user", "content": "%s"}]}' % WORDS.encode()


def stream(own: Own) -> LocalStream:
    return LocalStream(own, Call("chat/completions", openai.parse(BODY, {}), project="default"))


@pytest.fixture
def own() -> Own:
    return Own(Holder(snapshot([upstream("e", url="echo:")], ["e/echo"])).current, adapter)


def test_a_reader_that_pauses_holds_the_answer_back_and_gets_all_of_it(own: Own) -> None:
    async def read() -> tuple[int, bytes]:
        under_way = stream(own)
        await under_way.begin()
        for _ in range(5_000):  # turns of the loop in which nobody reads
            await asyncio.sleep(0)
        waiting, found = len(under_way._pieces), b""
        while (piece := await under_way.next()) is not None:
            found += piece
        await under_way.close()
        return waiting, found

    waiting, found = sync.run(read(), timeout=20)
    assert waiting == MOST_WAITING
    assert found.count(b"word-") == 500 and found.endswith(b"data: [DONE]\n\n")
    assert [record.status for record in own.recent.records] == ["succeeded"]


def test_closing_in_the_middle_ends_the_call(own: Own) -> None:
    async def leave() -> None:
        under_way = stream(own)
        await under_way.begin()
        await under_way.next()
        await under_way.close()
        await under_way.close()

    sync.run(leave(), timeout=20)
    assert [record.status for record in own.recent.records] == ["cancelled"]


def test_a_process_that_goes_down_is_told(own: Own) -> None:
    async def cut_off() -> None:
        under_way = stream(own)
        await under_way.begin()
        assert under_way._task is not None
        under_way._task.cancel()
        while await under_way.next() is not None:
            pass

    with pytest.raises(GatewayUnavailable, match="going down"):
        sync.run(cut_off(), timeout=20)
