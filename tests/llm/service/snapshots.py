"""Small configurations for tests: say what matters, the rest is filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from llm.snapshot import Caller, CallersPart, Model, ProvidersPart, Route, Snapshot, Upstream, UpstreamKey
from llm.spec import Connection, Timeouts

KEY = "gw-test-0123456789abcdef0123456789abcdef"
LOOPBACK = Connection(allow_private=True)
QUICK = Timeouts(connect=2, first_byte=2, idle=2, total=5)


def upstream(provider_id: str, kind: str = "echo", url: str = "http://127.0.0.1:9", **changes: object) -> Upstream:
    """A provider that needs no key if it is an echo, else one with the key `sk-test`."""
    echo = kind == "echo"
    keys = () if echo else (UpstreamKey("key-1", "sk-test"),)
    made = Upstream(provider_id, kind, url, keys=keys, needs_key=not echo, timeouts=QUICK, connection=LOOPBACK)
    return replace(made, **changes)


def openai(provider_id: str, url: str, **changes: object) -> Upstream:
    return upstream(provider_id, "openai", f"{url}/v1", **changes)


def anthropic(provider_id: str, url: str, **changes: object) -> Upstream:
    return upstream(provider_id, "anthropic", url, **changes)


def snapshot(
    upstreams: Iterable[Upstream] = (),
    models: Iterable[str | Model] = (),
    routes: Iterable[Route] = (),
    *,
    caller: Caller | None = None,
    key: str = KEY,
    revision: int = 7,
) -> Snapshot:
    """`models` as `provider/model`. One project, `default`, with one key, `KEY`."""
    caller = caller or Caller("default", "key-a", accept_tasks=True)
    found = [model if isinstance(model, Model) else Model(*model.split("/", 1)) for model in models]
    providers = ProvidersPart(
        upstreams={one.provider_id: one for one in upstreams},
        models={(model.provider_id, model.model_id): model for model in found},
        routes={route.name: route for route in routes},
    )
    callers = CallersPart(
        by_key_hash={hashlib.sha256(key.encode()).digest(): caller},
        by_project={caller.project: replace(caller, key_id=None)},
    )
    return Snapshot(revision, "", providers, callers)
