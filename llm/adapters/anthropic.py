"""Anthropic itself. https://docs.anthropic.com/en/api/messages"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from llm.adapters.http_adapter import HttpAdapter
from llm.spec import COUNT, Dialect, Target


class Anthropic(HttpAdapter):
    """`base_url` is the host; a trailing slash or /v1 is accepted."""

    dialect: ClassVar[Dialect] = "anthropic_messages"
    headers: ClassVar[Mapping[str, str]] = {"anthropic-version": "2023-06-01"}
    passed_on: ClassVar[tuple[str, ...]] = ("anthropic-version", "anthropic-beta")
    surfaces: ClassVar[frozenset[str]] = frozenset({COUNT})
    joined: ClassVar[frozenset[str]] = frozenset({"anthropic-beta"})

    def url(self, base_url: str) -> str:
        return f"{base_url.rstrip('/').removesuffix('/v1')}/v1/messages"

    def url_of_surface(self, target: Target, surface: str) -> str:
        return f"{self.url_of(target)}/count_tokens"

    def credentials(self, secret: str) -> Mapping[str, str]:
        return {"x-api-key": secret}
