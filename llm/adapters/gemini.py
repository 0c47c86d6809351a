"""Google's Gemini by its own generateContent. https://ai.google.dev/api (read in November 2026)

The model and whether to stream stand in the path. A stream ends with its bytes: no event says that it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

import msgspec

from llm.adapters import discretion, gemini_parameters, surface_answer
from llm.adapters.answer_stream import Patience
from llm.adapters.http_adapter import HttpAdapter
from llm.adapters.outgoing import build_body, build_surface_body, refuse_dropped
from llm.dialects.gemini import address, embeddings
from llm.errors import UpstreamError
from llm.spec import Dialect, Request, Result, Target
from llm.transport.base import Outbound, Transport

EMBEDDINGS: Final = "embeddings"
_VERSIONS: Final = ("/v1beta", "/v1", "/v1alpha")
# Some models say STOP in every event of a stream, so more of the answer may come behind a finish reason, after a while.
_PATIENCE: Final = Patience(finish=10.0)

_encode: Final = msgspec.json.Encoder().encode


class Gemini(HttpAdapter):
    """`base_url` is the host; one that ends in a version of the API is accepted."""

    dialect: ClassVar[Dialect] = "gemini"
    surfaces: ClassVar[frozenset[str]] = frozenset({EMBEDDINGS})

    def __init__(self, transport: Transport, *, patience: Patience | None = None) -> None:
        super().__init__(transport, patience=patience or _PATIENCE)

    def url(self, base_url: str) -> str:
        """Where the paths begin."""
        base = base_url.rstrip("/")
        return base if base.endswith(_VERSIONS) else f"{base}/v1beta"

    def credentials(self, secret: str) -> Mapping[str, str]:
        return {"x-goog-api-key": secret}

    def body_of(self, request: Request, target: Target) -> tuple[dict[str, object], tuple[str, ...]]:
        return build_body(request, target, dialect=self.dialect, fill=gemini_parameters.fill)

    def _asked(
        self, request: Request, target: Target, spoken: Dialect
    ) -> tuple[str, dict[str, object], tuple[str, ...]]:
        body, dropped = self.body_of(request, target)
        where = address.split(body)
        return f"{self.url_of(target)}/{where.path}", where.body, dropped

    async def relay(self, request: Request, target: Target) -> Result | surface_answer.RelayedBytes:
        """Embeddings are translated: Gemini has them under another name, in another form."""
        if request.surface != EMBEDDINGS:
            return await super().relay(request, target)
        asked = embeddings.translate_request(_with_defaults(request, target), model=target.model_id)
        refuse_dropped(request, asked.dropped)
        outbound = Outbound(
            method="POST",
            url=f"{self.url_of(target)}/{asked.path}",
            headers=self._headers(request, target, self.dialect),
            body=_encode(asked.body),
            timeouts=target.timeouts,
            connection=target.connection,
        )
        answer = await self._exchange(outbound, target, self.dialect)
        data = await answer.read()
        try:
            body, usage = embeddings.translate_answer(data, asked, model=target.model_id)
        except UpstreamError as error:
            discretion.redact(error, target)
            raise
        return Result(body, usage, "unknown", dropped=asked.dropped)


def _with_defaults(request: Request, target: Target) -> dict[str, msgspec.Raw]:
    """The caller's fields, and the operator's defaults where these leave them out. His `extra_body` is for
    conversations: batchEmbedContents knows nothing but its texts."""
    body = build_surface_body(request, replace(target, extra_body={}))
    return {
        name: found if isinstance(found, msgspec.Raw) else msgspec.Raw(_encode(found)) for name, found in body.items()
    }
