"""What a provider's SDK gets for its HTTP client: its requests go the way of `discovery_wire`.

What an SDK finds in the environment (keys, organizations, proxies) goes nowhere. Imported only where an SDK is.
"""

from __future__ import annotations

from typing import Any, Final

import httpx2

from providers.discovery_wire import Line, NotListed, refusal

# Of an SDK's own headers these go on: none of them says who asks.
_OF_THE_SDK: Final = ("accept", "anthropic-version", "anthropic-beta")


class Bridge(httpx2.BaseTransport):
    """`failure` is why an answer was no list: an SDK raises an error of its own for it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.failure: NotListed | None = None

    def handle_request(self, request: Any) -> Any:
        headers = {name: request.headers[name] for name in _OF_THE_SDK if name in request.headers}
        try:
            status, body = self._line.get(str(request.url), headers)
        except NotListed as error:
            self.failure = error
            return httpx2.Response(502)
        self.failure = refusal(status)
        return httpx2.Response(status, headers={"content-type": "application/json"}, content=body)

    def client(self) -> httpx2.Client:
        # Not by the environment: its proxies would take the place of this transport.
        return httpx2.Client(transport=self, trust_env=False, follow_redirects=False)
