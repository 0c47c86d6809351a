"""Requests to the management API, by the table of operations, and their answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import quote

import httpx2

from llm_gateway_client.connections import Connections
from llm_gateway_client.http_door import CONNECT_SECONDS, address
from llm_gateway_client.management import errors
from llm_gateway_client.management.errors import ManagementError
from llm_gateway_client.management.open_shape import plain
from llm_gateway_client.management.operations import OPERATIONS
from llm_gateway_client.version import __version__

YAML: Final = "application/yaml"
_JSON: Final = "application/json"
# Values that may hold slashes: a model's id, and a call's request id.
_WITH_SLASHES: Final = ("/models/{model_id}/", "/calls/{name}/")
Parts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Asked:
    """`body` goes as JSON, `yaml` as it is. `if_match` is an ETag, `reason` a text for the change set."""

    operation: str
    parts: Parts = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    yaml: str | None = None
    if_match: str | None = None
    reason: str = ""
    accept: str = _JSON
    good: tuple[int, ...] = ()  # statuses that are answers too, beside 2xx


class Wire:
    """`base_url` and `verify` as HttpDoor has them; `timeout_seconds` bounds each wait for the gateway."""

    def __init__(self, base_url: str, token: str, *, verify: SSLContext | bool, timeout_seconds: float) -> None:
        if timeout_seconds <= 0:
            raise ValueError("timeout_seconds must be more than 0.")
        self.base_url = address(base_url)
        self._token = _token(token)
        self._verify = verify
        self._timeout_seconds = timeout_seconds
        self._connections = Connections(self._connect)

    async def send(self, asked: Asked) -> httpx2.Response:
        """A good answer, whole. ManagementError for any other, and for none."""
        method, path = OPERATIONS[asked.operation].split()
        content, kind = _content(asked)
        with _told():
            response = await self._connections.client().request(
                method,
                self.base_url + _filled(path, asked.parts),
                params=_query(asked.query),
                content=content,
                headers={**_headers(asked), **kind},
            )
        if not response.is_success and response.status_code not in asked.good:
            raise errors.of_response(response.status_code, response.headers, response.content)
        return response

    async def close(self) -> None:
        await self._connections.close()

    def _connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._verify,
            headers={"authorization": f"Bearer {self._token}", "user-agent": f"llm-gateway-client/{__version__}"},
            timeout=httpx2.Timeout(self._timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(keepalive_expiry=30),
        )


def json_of(response: httpx2.Response) -> Any:
    """ManagementError where it is none."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        raise errors.unexpected("The answer is no JSON.", response.status_code) from None


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the connection as ours."""
    try:
        yield
    except httpx2.HTTPError as error:
        raise ManagementError(
            f"The gateway cannot be reached, or the connection was lost ({type(error).__name__}).",
            "connection_failed",
            retryable=True,
            source="client",
        ) from error


def _content(asked: Asked) -> tuple[str | None, dict[str, str]]:
    """The body, and the header that names its kind."""
    if asked.yaml is not None:
        return asked.yaml, {"content-type": YAML}
    if asked.body is None:
        return None, {}
    return json.dumps(plain(asked.body), allow_nan=False), {"content-type": _JSON}


def _headers(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"accept": asked.accept}
    if asked.if_match is not None:
        if not asked.if_match:  # to write without the check that the caller asks for would lose somebody's change
            raise ValueError("if_match must not be empty: objects of a list have no etag, `get` one first.")
        found["if-match"] = asked.if_match
    reason = " ".join(asked.reason.split())  # a header is one line
    if reason:
        found["x-change-reason"] = reason.encode()
    return found


def _query(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in given.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _filled(path: str, parts: Parts) -> str:
    """ValueError for a value that would name something else, once it stands in a path."""
    found = {}
    for name, value in parts.items():
        slashes = any(path.endswith(end) and f"{{{name}}}" in end for end in _WITH_SLASHES)
        pieces = str(value).split("/") if slashes else [str(value)]
        if any(piece in ("", ".", "..") or "/" in piece for piece in pieces):
            raise ValueError(f"{name} must not be {value!r}.")
        found[name] = quote(str(value), safe="/" if slashes else "")
    return path.format_map(found)


def _token(token: str) -> str:
    """The message never holds the token."""
    if not isinstance(token, str):
        raise TypeError(f"token must be a string, not {type(token).__name__}.")
    if not token.startswith("gwadm-") or not all("!" <= one <= "~" for one in token):
        raise ValueError("token must be a user's token (gwadm-...): a project's key is for calls only.")
    return token
