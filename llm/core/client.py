"""LLMGatewayClient in the process of the gateway: the client that is the same over HTTP and by Celery, without either.

config = ConfigLoader().load_config_as_object()
client = LLMGatewayClient(config, ProviderFactory())
response = await client.generate(LLMRequest(...))
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from llm import sync
from llm.core import gateways
from llm.core.config import GatewayConfig
from llm.core.config_loader import ConfigLoader
from llm.core.factory import ProviderFactory
from llm.core.gateways import Gateways
from llm.core.local_door import LocalDoor
from llm.observe.record import CallRecord
from llm_gateway_client.answers import Embeddings, LLMResponse, StreamChunk
from llm_gateway_client.batch import Progress
from llm_gateway_client.client import Client
from llm_gateway_client.models import LLMRequest

log = logging.getLogger(__name__)


class LLMGatewayClient(Client):
    """Calls as `project`, which must accept tasks.

    A configuration that came from the database leads through the Gateway of this process: it follows every change, and
    calls are recorded. One from a file makes a Gateway of the client's own: there the configuration is as it was read,
    secrets of a database are not to be had, and of calls there is but `recent_calls`. Without arguments: what
    `ConfigLoader()` finds.

    ConfigurationError for a configuration that calls cannot be made with; ValueError where kinds were registered and
    the calls go through the process's Gateway, which does not know them. The rest as in Client.
    """

    def __init__(
        self,
        gateway_config: GatewayConfig | None = None,
        provider_factory: ProviderFactory | None = None,
        *,
        project: str = "default",
        max_retries: int = 2,
        timeout_seconds: float = 600.0,
    ) -> None:
        config = ConfigLoader().load_config_as_object() if gateway_config is None else gateway_config
        if not isinstance(config, GatewayConfig):
            raise TypeError(f"gateway_config must be a GatewayConfig, not {type(config).__name__}.")
        self.config = config
        self._gateways = _gateways(config, ProviderFactory() if provider_factory is None else provider_factory)
        door = LocalDoor(self._gateways, project=project)
        super().__init__(door, max_retries=max_retries, timeout_seconds=timeout_seconds)

    @property
    def recent_calls(self) -> tuple[CallRecord, ...]:
        """The latest 1,000 of a client with a Gateway of its own, oldest first; else they are in the database."""
        return tuple(self._gateways.recent.records) if isinstance(self._gateways, gateways.Own) else ()

    # On the process's loop the twins would wait for themselves: they raise RuntimeError there.

    def generate_sync(self, request: LLMRequest) -> LLMResponse:
        sync.refuse_own_loop()
        return super().generate_sync(request)

    def generate_stream_sync(self, request: LLMRequest) -> Iterator[StreamChunk]:
        sync.refuse_own_loop()
        return super().generate_stream_sync(request)

    def generate_batch_sync(
        self, requests: Sequence[LLMRequest], *, max_concurrency: int = 8, on_progress: Progress | None = None
    ) -> list[LLMResponse]:
        sync.refuse_own_loop()
        return super().generate_batch_sync(requests, max_concurrency=max_concurrency, on_progress=on_progress)

    def chat_sync(self, messages: str | list[dict[str, Any]], *, model: str, **options: Any) -> LLMResponse:
        sync.refuse_own_loop()
        return super().chat_sync(messages, model=model, **options)

    def embed_sync(self, texts: str | list[str], model: str, **options: Any) -> Embeddings:
        sync.refuse_own_loop()
        return super().embed_sync(texts, model, **options)

    def health_check_sync(self) -> dict[str, Any]:
        sync.refuse_own_loop()
        return super().health_check_sync()

    def warmup_providers_sync(self) -> dict[str, Any]:
        sync.refuse_own_loop()
        return super().warmup_providers_sync()

    def close_sync(self) -> None:
        sync.refuse_own_loop()
        super().close_sync()


def _gateways(config: GatewayConfig, factory: ProviderFactory) -> Gateways:
    if config.origin == "database":
        if factory.has_own:
            raise ValueError("Kinds of one's own are for a configuration from a file; else a package must add them.")
        return gateways.OfProcess()
    built = config.built(factory.known())
    for note in built.notes:
        log.warning("a part of the configuration is not used: %s", note)
    return gateways.Own(built.snapshot, factory.create)
