"""The client as a program takes it: over HTTP or by Celery, as its arguments say."""

from __future__ import annotations

from ssl import SSLContext

from llm_gateway_client.celery_door import CeleryDoor
from llm_gateway_client.client import Client
from llm_gateway_client.door import Door
from llm_gateway_client.http_door import HttpDoor


class LLMGatewayClient(Client):
    """`LLMGatewayClient(base_url="https://gateway.example", api_key="gw-...")` goes over HTTP,
    `LLMGatewayClient(broker_url="redis://...", project="default")` by Celery.

    `result_backend` is where the gateway's workers keep results (default: the broker, where that is a Redis), `queue`
    the one that they read. `verify` as in HttpDoor, the other arguments as in Client.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        broker_url: str | None = None,
        result_backend: str | None = None,
        project: str = "default",
        queue: str = "llm",
        verify: SSLContext | bool = True,
        max_retries: int = 2,
        timeout_seconds: float = 600.0,
    ) -> None:
        if (base_url is None) == (broker_url is None):
            raise TypeError("LLMGatewayClient takes base_url and api_key, or broker_url.")
        door: Door
        if base_url is not None:
            if api_key is None:
                raise TypeError("LLMGatewayClient takes an api_key with its base_url.")
            door = HttpDoor(base_url, api_key, verify=verify)
        else:
            door = CeleryDoor(str(broker_url), result_backend=result_backend, project=project, queue=queue)
        super().__init__(door, max_retries=max_retries, timeout_seconds=timeout_seconds)
