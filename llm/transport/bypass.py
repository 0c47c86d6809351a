"""NO_PROXY: the hosts that are dialled directly, whatever proxy the operator names."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # reason: typeshed leaves it out

from llm.spec import Connection


def heeded(connection: Connection, host: str, port: int) -> Connection:
    """How this host is really dialled: without the proxy where NO_PROXY, as it is now, names the host."""
    if connection.proxy is None:
        return connection
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if not named or not _bypassed(f"{host}:{port}", named):
        return connection
    return replace(connection, proxy=None)


@functools.lru_cache(maxsize=1024)
def _bypassed(host: str, named: str) -> bool:
    return bool(proxy_bypass_environment(host, {"no": named}))
