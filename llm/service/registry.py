"""The one Gateway of this process. The composition root installs how it is made; doors ask for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from llm.errors import GatewayUnavailable
from llm.service.gateway import Gateway


class _Registry:
    """Made anew after a fork: neither connections nor a lock that another thread held survive it."""

    def __init__(self, factory: Callable[[], Gateway] | None) -> None:
        self.lock = threading.Lock()
        self.factory = factory
        self.gateway: Gateway | None = None


_registry = _Registry(None)


def install(factory: Callable[[], Gateway]) -> None:
    """From now on `current` makes this process's Gateway with `factory`, on first use and again after a fork."""
    global _registry
    _registry = _Registry(factory)


def current() -> Gateway:
    """This process's Gateway. GatewayUnavailable where nothing is installed."""
    registry = _registry
    if registry.gateway is not None:
        return registry.gateway
    if registry.factory is None:
        raise GatewayUnavailable("The gateway is not set up in this process.")
    with registry.lock:
        if registry.gateway is None:
            registry.gateway = registry.factory()
        return registry.gateway


def made() -> Gateway | None:
    """The same, where it has been made; else None at once: making one may wait."""
    return _registry.gateway


def _begin_anew() -> None:
    global _registry
    _registry = _Registry(_registry.factory)


os.register_at_fork(after_in_child=_begin_anew)
