"""The relay hands a request on as it came and its answer back as it comes, and nobody can pass for another caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from tests.gateway_project.supervisor.conftest import Front
from tests.gateway_project.supervisor.control_server import ControlServer, raw, silent

LARGE = 8 * 1024 * 1024


@pytest.fixture
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:
        yield session


async def say(front: Front, text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Sends these lines as they are, with an empty line at the end."""
    reader, writer = await asyncio.open_connection(front.host, front.port)
    writer.write(("\r\n".join(text.split("\n")) + "\r\n\r\n").encode())
    return reader, writer


async def test_headers_of_one_connection_stay_there(front: Front, control: ControlServer) -> None:
    reader, writer = await say(
        front,
        "GET /x HTTP/1.1\nHost: gateway.example\nConnection: close, X-Private\nX-Private: 1\nTE: trailers\n"
        "Proxy-Authorization: Basic eA==\nKeep-Alive: timeout=5\nX-Kept: 2\nCookie: a=b",
    )
    await reader.read()
    writer.close()
    told = control.requests[0].headers
    assert (told["host"], told["x-kept"], told["cookie"]) == ("gateway.example", "2", "a=b")
    assert not {"x-private", "te", "proxy-authorization", "keep-alive"} & set(told)
    assert not {"user-agent", "accept", "accept-encoding"} & set(told)  # the caller sent none


async def test_headers_of_the_answer(front: Front, control: ControlServer, caller: aiohttp.ClientSession) -> None:
    control.answer = raw(
        b"HTTP/1.1 201 Created\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nconnection: close, x-inner\r\nx-inner: 1\r\n"
        b"server: gunicorn\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n"
        b'etag: "7"\r\n\r\n\x1f\x8b\x00\x00'
    )
    async with caller.get(f"{front.url}/x") as answer:
        assert answer.status == 201
        assert answer.headers.getall("set-cookie") == ["a=1", "b=2"]
        assert (answer.headers["content-encoding"], answer.headers["etag"]) == ("gzip", '"7"')
        assert not {"x-inner", "server"} & {name.lower() for name in answer.headers}
        assert len(answer.headers.getall("date")) == 1 and "1970" not in answer.headers["date"]
        assert await answer.read() == b"\x1f\x8b\x00\x00"


async def test_the_callers_address_cannot_be_forged(front: Front, control: ControlServer) -> None:
    reader, writer = await say(
        front,
        "GET /x HTTP/1.1\nHost: x\nConnection: close, x-gateway-peer\nX-Gateway-Peer: 10.0.0.1 1\n"
        "X_Gateway_Peer: 10.0.0.2 2\nx-gateway-peer: 10.0.0.3 3",
    )
    port = writer.get_extra_info("sockname")[1]
    await reader.read()
    writer.close()
    assert [line for line in control.heads[0].split("\r\n") if "peer" in line] == [f"x-gateway-peer: 127.0.0.1 {port}"]


@pytest.mark.parametrize("target", ["/models/a%2Fb%20c?q=%2B+1&q=", "/a//b/../c", "/%E2%82%AC?x=%zz", "/x?"])
async def test_the_path_stays_as_it_was_written(front: Front, control: ControlServer, target: str) -> None:
    reader, writer = await say(front, f"GET {target} HTTP/1.1\nHost: x\nConnection: close")
    await reader.read()
    writer.close()
    path, _, query = target.partition("?")
    assert (control.requests[0].path, control.requests[0].query) == (path, query)


@pytest.mark.parametrize("size", [0, 5, LARGE])
async def test_a_body_with_its_length(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession, size: int
) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    async with caller.put(f"{front.url}/x", data=body) as answer:
        assert answer.status == 200
    assert control.requests[0].method == "PUT"
    assert control.requests[0].body == body
    assert control.requests[0].headers.get("content-length", "0") == str(size)


async def test_a_body_in_chunks(front: Front, control: ControlServer, caller: aiohttp.ClientSession) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d;" % number * 1000

    async with caller.post(f"{front.url}/x", data=pieces()) as answer:
        assert answer.status == 200
    assert control.requests[0].headers["transfer-encoding"] == "chunked"
    assert control.requests[0].body == b"".join(b"%d;" % number * 1000 for number in range(100))


async def test_a_caller_that_waits_to_be_asked_for_its_body(front: Front, control: ControlServer) -> None:
    reader, writer = await say(
        front, "POST /x HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 4\nExpect: 100-continue"
    )
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"body")
    assert b"200 OK" in await reader.read()
    writer.close()
    assert control.requests[0].body == b"body" and "expect" not in control.requests[0].headers


async def test_a_large_answer(front: Front, control: ControlServer, caller: aiohttp.ClientSession) -> None:
    body = b"0123456789abcdef" * (LARGE // 16)
    control.answer = raw(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    async with caller.get(f"{front.url}/x") as answer:
        assert answer.headers["content-length"] == str(len(body))
        assert await answer.read() == body


async def test_an_answer_is_handed_on_as_it_comes(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession
) -> None:
    seen = asyncio.Event()

    async def answer_slowly(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await seen.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        await writer.drain()

    control.answer = answer_slowly
    async with caller.get(f"{front.url}/x") as answer:
        assert await answer.content.readexactly(3) == b"one"
        seen.set()
        assert await answer.read() == b"two"


@pytest.mark.parametrize(
    ("method", "head", "status"),
    [("HEAD", b"200 OK\r\ncontent-length: 7", 200), ("DELETE", b"204 No Content", 204), ("GET", b"304 No", 304)],
)
async def test_answers_without_a_body(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession, method: str, head: bytes, status: int
) -> None:
    control.answer = raw(b"HTTP/1.1 " + head + b"\r\n\r\n")
    async with caller.request(method, f"{front.url}/x") as answer:
        assert (answer.status, await answer.read()) == (status, b"")
        assert method != "HEAD" or answer.headers["content-length"] == "7"


async def test_redirects_are_the_callers_business(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession
) -> None:
    control.answer = raw(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
    async with caller.get(f"{front.url}/x", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")
    assert len(control.requests) == 1


async def test_a_caller_that_leaves_ends_its_request(front: Front, control: ControlServer) -> None:
    control.answer = silent
    _, writer = await say(front, "GET /x HTTP/1.1\nHost: x")
    await asyncio.wait_for(control.came.wait(), 5)
    writer.close()
    await asyncio.wait_for(control.left.wait(), 5)


async def test_a_caller_that_leaves_in_the_middle_of_its_body(front: Front, control: ControlServer) -> None:
    _, writer = await say(front, "POST /x HTTP/1.1\nHost: x\nContent-Length: 100000")
    writer.write(b"x" * 1000)
    await writer.drain()
    writer.close()
    await asyncio.wait_for(control.left.wait(), 5)
    assert control.requests == []


async def test_while_the_control_process_is_away(front: Front, caller: aiohttp.ClientSession) -> None:
    async with caller.post(f"{front.url}/x", data=b"body") as answer:
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert "being started" in (await answer.json())["detail"]


async def test_a_control_process_that_ends_before_it_answers(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession
) -> None:
    control.answer = raw(b"")
    async with caller.get(f"{front.url}/x") as answer:
        assert answer.status == 502
        assert "did not answer" in (await answer.json())["detail"]


async def test_half_an_answer_is_never_taken_for_a_whole_one(
    front: Front, control: ControlServer, caller: aiohttp.ClientSession
) -> None:
    control.answer = raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    async with caller.get(URL(f"{front.url}/x")) as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
