"""The management API's client."""

from __future__ import annotations

from ssl import SSLContext
from types import TracebackType
from typing import Self

from llm_gateway_client.management.audit import Audit
from llm_gateway_client.management.breakers import Breakers, HealthEvents, Incidents
from llm_gateway_client.management.calls import Calls
from llm_gateway_client.management.configuration import Configuration
from llm_gateway_client.management.keys import Keys
from llm_gateway_client.management.models import Models
from llm_gateway_client.management.parameters import Parameters
from llm_gateway_client.management.prices import Prices
from llm_gateway_client.management.projects import ProjectKeys, Projects
from llm_gateway_client.management.providers import Providers
from llm_gateway_client.management.resource import Resource, twin
from llm_gateway_client.management.routes import Routes
from llm_gateway_client.management.status_shapes import Health, Readiness, Status
from llm_gateway_client.management.wire import Asked, Wire


class ManagementClient(Resource):
    """`ManagementClient("https://gateway.example", "gwadm-...")`: one attribute for each resource.

    Every method has a twin that ends in `_sync`, for callers that do not await. May be used from several loops and
    threads at a time. `reason=` goes to the change set of a write, `if_match=` makes it depend on an ETag. Nothing is
    repeated. `verify`: False, or a context with one's own certificates; `timeout_seconds` bounds each wait.
    """

    def __init__(
        self, base_url: str, token: str, *, verify: SSLContext | bool = True, timeout_seconds: float = 60.0
    ) -> None:
        wire = Wire(base_url, token, verify=verify, timeout_seconds=timeout_seconds)
        super().__init__(wire)
        self.base_url = wire.base_url
        self.providers = Providers(wire)
        self.models = Models(wire)
        self.keys = Keys(wire)
        self.parameters = Parameters(wire)
        self.routes = Routes(wire)
        self.projects = Projects(wire)
        self.project_keys = ProjectKeys(wire)
        self.calls = Calls(wire)
        self.health_events = HealthEvents(wire)
        self.incidents = Incidents(wire)
        self.breakers = Breakers(wire)
        self.audit = Audit(wire)
        self.prices = Prices(wire)
        self.config = Configuration(wire)

    def __repr__(self) -> str:
        return f"ManagementClient({self.base_url!r})"

    async def status(self) -> Status:
        """How each provider is: breakers, keys, calls of the last hour, the last test and probe."""
        return await self._get(Status, "status", {})

    async def health(self) -> Health:
        """That it is alive; ManagementError where it is not."""
        return await self._get(Health, "health", {})

    async def ready(self) -> Readiness:
        """Whether it can serve, and what it lacks."""
        return await self._one(Readiness, Asked("ready", good=(503,)))

    async def close(self) -> None:
        """Gives back connections. The client can be used again: it makes new ones then."""
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close_sync()

    status_sync = twin(status)
    health_sync = twin(health)
    ready_sync = twin(ready)
    close_sync = twin(close)
