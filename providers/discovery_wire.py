"""GET requests to a provider, beside its calls: the same transport and address policy, no redirects, its own key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from llm import sync
from llm.adapters.kinds import BY_NAME
from llm.errors import GatewayError
from llm.snapshot import Upstream, UpstreamKey
from llm.spec import Timeouts
from llm.transport.aiohttp import AiohttpTransport
from llm.transport.base import Outbound
from providers.testing_probe import without

SECONDS: Final = 20.0
LARGEST: Final = 16 * 1024 * 1024


class NotListed(Exception):
    """There is no list. The message is for the operator: no key, no address, nothing that the provider said."""


@dataclass(slots=True)
class Line:
    """To one provider, with one of its keys, for `SECONDS` in all."""

    upstream: Upstream
    key: UpstreamKey | None
    ends_at: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. NotListed where there is no answer."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise NotListed(f"The provider's list took longer than {SECONDS:g} seconds.")
        outbound = Outbound(
            method="GET",
            url=url,
            headers={"accept": "application/json", **(headers or {}), **self._own_headers()},
            body=b"",
            timeouts=_within(self.upstream.timeouts, left),
            connection=self.upstream.connection,
        )
        try:
            status, body = sync.run(_exchange(outbound))
        except GatewayError as error:
            raise NotListed(error.message) from error
        return status, without(body.decode(errors="replace"), self._secrets()).encode()

    def _own_headers(self) -> dict[str, str]:
        found = _credentials(self.upstream.kind, self.key.secret) if self.key else {}
        return {**found, **{name.lower(): value for name, value in self.upstream.headers.items()}}

    def _secrets(self) -> tuple[str, ...]:
        return (self.key.secret,) if self.key else ()


def refusal(status: int) -> NotListed | None:
    """What a status says; None for 2xx."""
    if 200 <= status < 300:
        return None
    if status in (401, 402, 403):
        return NotListed("The provider accepted none of the keys that are stored for it.")
    if 300 <= status < 400:
        return NotListed("The provider answered with a redirect, which is not followed.")
    if status in (404, 405):
        return NotListed("The provider has no list of models at its address.")
    return NotListed(f"The provider answered with status {status}.")


async def _exchange(outbound: Outbound) -> tuple[int, bytes]:
    transport = AiohttpTransport()
    try:
        answer = await transport.send(outbound)
        try:
            return answer.status, await answer.read(LARGEST)
        finally:
            await answer.aclose()
    finally:
        await transport.aclose()


def _credentials(kind: str, secret: str) -> dict[str, str]:
    match BY_NAME[kind].dialect:
        case "anthropic_messages":
            return {"x-api-key": secret}
        case "gemini":
            return {"x-goog-api-key": secret}
    return {"authorization": f"Bearer {secret}"}


def _within(own: Timeouts, left: float) -> Timeouts:
    return replace(
        own, connect=min(own.connect, left), first_byte=min(own.first_byte, left), idle=min(own.idle, left), total=left
    )
