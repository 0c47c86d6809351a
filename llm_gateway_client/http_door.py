"""The gateway over HTTP: the door of `LLMGatewayClient(base_url=..., api_key=...)`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ssl import SSLContext
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from llm_gateway_client import labels, reading, refusals, told
from llm_gateway_client.connections import Connections
from llm_gateway_client.door import Answer, Trail, Wishes
from llm_gateway_client.errors import GatewayFailure
from llm_gateway_client.sse import Events
from llm_gateway_client.version import __version__

CONNECT_SECONDS: Final = 10.0
HEALTH_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 0.5
_DONE: Final = b"[DONE]"
_TRAIL: Final = ("call-id", "provider", "model", "attempts", "cost-usd", "cache", "revision", "overhead-ms")


class HttpDoor:
    """`base_url` is the gateway's address, with or without /v1; proxies come from the environment (HTTPS_PROXY,
    NO_PROXY). `verify`: False, or a context with one's own certificates, for https."""

    def __init__(self, base_url: str, api_key: str, *, verify: SSLContext | bool = True) -> None:
        self.base_url = address(base_url)
        self._key = _key(api_key)
        self._verify = verify
        self._connections = Connections(self._connect)

    def __repr__(self) -> str:
        return f"HttpDoor({self.base_url!r})"

    async def call(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> Answer:
        began = perf_counter()
        async with self._answered(endpoint, body, wishes) as response:
            with _told(wishes):
                data = await response.aread()
            trail = _trail(response, wishes)
            trail.latency_ms = (perf_counter() - began) * 1000
            return Answer(_object(data, wishes), trail)

    async def stream(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncGenerator[dict[str, Any], None]:
        async with self._answered(endpoint, body, wishes) as response:
            trail = _trail(response, wishes)
            yield {"gateway": trail.to_dict()}
            events = Events()
            with _told(wishes):
                pieces = response.aiter_bytes()
                async for piece in pieces:
                    for event in events.feed(piece):
                        if event == _DONE:
                            await _finish(pieces)
                            return
                        yield _chunk(event, trail, wishes)
            raise _cut(wishes)

    async def health(self) -> dict[str, Any]:
        """With what the gateway's /ready tells: `status`, `not_ready`, `modes`; or `error`, where it is away."""
        try:
            client = self._connections.client()
            response = await client.get("/ready", timeout=HEALTH_SECONDS)
            told_of_it = told.obj(response.json())
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            return {"healthy": False, "door": "http", "error": f"The gateway is away ({type(error).__name__})."}
        return {**told_of_it, "healthy": response.status_code == 200, "door": "http"}

    async def close(self) -> None:
        await self._connections.close()

    def _connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self.base_url,
            verify=self._verify,
            headers={"authorization": f"Bearer {self._key}", "user-agent": f"llm-gateway-client/{__version__}"},
            # The limit of a call is the client's; an answer may be long in coming.
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30),
        )

    @asynccontextmanager
    async def _answered(self, endpoint: str, body: dict[str, Any], wishes: Wishes) -> AsyncIterator[httpx2.Response]:
        """The response, its body still to come. GatewayFailure where it is no 2xx."""
        client = self._connections.client()
        request = client.build_request("POST", f"/v1/{endpoint}", json=body, headers=_headers(wishes))
        with _told(wishes):
            response = await client.send(request, stream=True)
        try:
            if not response.is_success:
                with _told(wishes):
                    data = await response.aread()
                raise refusals.of_response(response.status_code, response.headers, data, request_id=wishes.request_id)
            yield response
        finally:
            await response.aclose()


async def _finish(pieces: AsyncIterator[bytes]) -> None:
    """To the end of the transfer, so that the connection can be used again; not for long: the answer is here."""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(FINISH_SECONDS):
            async for _ in pieces:
                pass


@contextmanager
def _told(wishes: Wishes) -> Iterator[None]:
    """Failures of the connection as ours. Where there never was one, nothing of the call has been sent."""
    try:
        yield
    except httpx2.HTTPError as error:
        unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError)
        raise GatewayFailure(
            f"The gateway cannot be reached ({type(error).__name__})."
            if unsent
            else f"The connection to the gateway was lost ({type(error).__name__}).",
            "connection_failed",
            retryable=True,
            request_id=wishes.request_id,
            source="client",
            should_retry=unsent,
        ) from error


def _headers(wishes: Wishes) -> dict[str, str]:
    found = {"x-request-id": wishes.request_id, "x-gateway-session": wishes.session_id}
    found["x-gateway-tags"] = labels.header(wishes.tags)
    if wishes.timeout_seconds is not None:
        found["x-gateway-timeout-ms"] = str(max(1, round(wishes.timeout_seconds * 1000)))
    return {name: value for name, value in found.items() if value}


def _trail(response: httpx2.Response, wishes: Wishes) -> Trail:
    headers = response.headers
    known = {name.replace("-", "_"): headers.get(f"x-gateway-{name}") for name in _TRAIL}
    return reading.trail({**known, "request_id": headers.get("x-request-id") or wishes.request_id})


def _object(data: bytes, wishes: Wishes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _malformed("The answer is no JSON object.", wishes)
    return found


def _chunk(event: bytes, trail: Trail, wishes: Wishes) -> dict[str, Any]:
    chunk = _object(event, wishes)
    if isinstance(chunk.get("error"), dict):
        raise refusals.of_event(chunk["error"], request_id=wishes.request_id, call_id=trail.call_id)
    chunk.pop("gateway", None)  # a provider's own field must not pass for ours
    return chunk


def _cut(wishes: Wishes) -> GatewayFailure:
    return _malformed("The stream ended before the answer was whole.", wishes)


def _malformed(message: str, wishes: Wishes) -> GatewayFailure:
    failure = reading.malformed(message)
    failure.request_id = wishes.request_id
    return failure


def address(url: str) -> str:
    """Without /v1 and without a slash at the end. ValueError for what is no http(s) address."""
    if not isinstance(url, str):
        raise TypeError(f"base_url must be a string, not {type(url).__name__}.")
    wrong = "base_url must be the gateway's address, as http://gateway:8000 or https://gateway.example."
    try:
        parsed = urlsplit(url)
        named = bool(parsed.hostname) and parsed.port != 0 and "@" not in parsed.netloc
    except ValueError:
        raise ValueError(wrong) from None
    if not named or parsed.scheme not in ("http", "https") or parsed.query or parsed.fragment or not _plain(url):
        raise ValueError(wrong)
    return url.rstrip("/").removesuffix("/v1")


def _plain(url: str) -> bool:
    return url.isprintable() and " " not in url


def _key(key: str) -> str:
    """The message never holds the key."""
    if not isinstance(key, str):
        raise TypeError(f"api_key must be a string, not {type(key).__name__}.")
    if not key or not all("!" <= one <= "~" for one in key):
        raise ValueError("api_key must be a project's key (gw-...): visible ASCII characters.")
    return key
