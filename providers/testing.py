"""Test connection: one real call to a provider, the way of a live one, with the cheapest suited model.

It works for a disabled provider too: an operator tests before enabling. The call costs what a call costs and stands
in the call table, without a project, with the tag `door: test`. Its result is kept (ProviderState), and is no
revision.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from audit import history
from llm import service, sync
from llm.errors import GatewayError, InternalError, UpstreamTimeout
from llm.service import Call, Gateway
from llm.snapshot import Caller, CallersPart, ProvidersPart, Route, RoutePolicy, RouteTarget, Snapshot, Upstream
from providers import catalogue, kinds, testing_probe
from providers.models import Provider, ProviderState
from providers.snapshot_part import part_of

log = logging.getLogger(__name__)
SECONDS: Final = 15.0
_CALLER: Final = Caller(project="", key_id=None)
_NO_CALLERS: Final = CallersPart(by_key_hash={}, by_project={})


@dataclass(slots=True)
class _Probe:
    """One test. `problem` is why there is no call to make."""

    provider: Provider
    model: str = ""
    call: Call | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    problem: str = ""
    response: str = ""
    error: GatewayError | None = None
    seconds: float = 0.0

    def result(self) -> dict[str, Any]:
        """As `POST /providers/{id}/test` answers."""
        said = testing_probe.without(self.error.message, self.secrets) if self.error else self.problem
        duration_ms = round(self.seconds * 1000)
        return {
            "success": not said,
            "message": f"The test failed: {said}" if said else f"The provider answered in {duration_ms} ms.",
            "provider_id": self.provider.provider_id,
            "model_tested": self.model or None,
            "response": self.response or None,
            "duration_ms": duration_ms,
            "error": said or None,
            "error_code": self.error.code if self.error else None,
        }


def run(*, provider: Provider, model: str = "", user: str = "") -> dict[str, Any]:
    """Tests one provider, with `model` or the one that suits best; `user` is who asks. At most 15 seconds."""
    [result] = run_all(providers=[provider], model=model, user=user)
    return result


def run_all(*, providers: Sequence[Provider], model: str = "", user: str = "") -> list[dict[str, Any]]:
    """The same for several, at the same time. A failed test is a result like another, and raises nothing."""
    probes = [_probe(provider, model, user) for provider in providers]
    _ask([probe for probe in probes if probe.call is not None])
    return [_kept(probe) for probe in probes]


def last(provider: Provider) -> dict[str, Any] | None:
    """The newest result with the time of its test (`tested_at`), or None."""
    state = getattr(provider, "state", None)
    if state is None or state.last_test is None:
        return None
    return {**state.last_test, "tested_at": state.last_test_at.isoformat()}


def _kept(probe: _Probe) -> dict[str, Any]:
    result, now = probe.result(), timezone.now()
    if Provider.objects.filter(pk=probe.provider.pk).exists():  # it may have gone in these seconds
        ProviderState.objects.update_or_create(
            provider=probe.provider, defaults={"last_test_at": now, "last_test": result}
        )
    return {**result, "tested_at": now.isoformat()}


def _probe(provider: Provider, model: str, user: str) -> _Probe:
    if not kinds.is_known(provider.provider_type):
        return _Probe(provider, problem=f"The kind '{provider.provider_type}' is not installed.")
    try:
        part = part_of(provider, environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    except ValueError as error:
        return _Probe(provider, problem=str(error))
    chosen = model or _cheapest(provider, part)
    if not chosen:
        return _Probe(provider, problem="There is no model to test with: add one that chats, or name a model.")
    stored = part.models.get((provider.provider_id, chosen))
    name = f"{provider.provider_id}/{chosen}"
    asked = testing_probe.request(name, stored.model_type if stored else "chat")
    if asked is None:
        return _Probe(provider, chosen, problem="A model of this type is not tested: its call would cost too much.")
    endpoint, request = asked
    call = Call(
        endpoint=endpoint,
        request=request,
        caller=_CALLER,
        snapshot=_snapshot(part, provider.provider_id, chosen),
        tags={"door": "test"},
        end_user=user,
        interrupted=_too_late,
    )
    return _Probe(provider, chosen, call, _secrets(part.upstreams[provider.provider_id]))


def _cheapest(provider: Provider, part: ProvidersPart) -> str:
    upstream = part.upstreams[provider.provider_id]
    found = testing_probe.cheapest(
        part.models.values(),
        enabled={row.model_id for row in provider.models.all() if row.enabled},
        now=timezone.now(),
        listed=lambda model_id: catalogue.cost(upstream.kind, upstream.base_url, model_id),
    )
    return found.model_id if found is not None else ""


def _snapshot(part: ProvidersPart, provider_id: str, model_id: str) -> Snapshot:
    """A configuration of this provider alone, in which its model is asked once: a repetition would hide a fault."""
    own = part.upstreams[provider_id].timeouts
    policy = RoutePolicy(
        retries=0,
        timeout_seconds=min(own.total, SECONDS),
        connect_timeout_seconds=min(own.connect, SECONDS),
        first_token_timeout_seconds=min(own.first_byte, SECONDS),
        idle_timeout_seconds=min(own.idle, SECONDS),
    )
    # Under the model's own name, and without one in the call's record: it is no route of the operator's.
    routes = {}
    if _serves(part, provider_id, model_id):
        routes[f"{provider_id}/{model_id}"] = Route("", (RouteTarget(provider_id, model_id),), policy=policy)
    return Snapshot(
        revision=history.revision(),
        environment=settings.GATEWAY_ENV,
        providers=ProvidersPart(upstreams=part.upstreams, models=part.models, routes=routes),
        callers=_NO_CALLERS,
    )


def _serves(part: ProvidersPart, provider_id: str, model_id: str) -> bool:
    return (provider_id, model_id) in part.models or (provider_id, "*") in part.models


def _secrets(upstream: Upstream) -> tuple[str, ...]:
    return (*(key.secret for key in upstream.keys), *upstream.headers.values())


def _ask(probes: Sequence[_Probe]) -> None:
    if not probes:
        return
    try:
        gateway = service.current()
    except GatewayError as error:
        for probe in probes:
            probe.error = error
        return
    sync.run(_asked(gateway, probes))


async def _asked(gateway: Gateway, probes: Sequence[_Probe]) -> None:
    await asyncio.gather(*(_one(gateway, probe) for probe in probes))


async def _one(gateway: Gateway, probe: _Probe) -> None:
    assert probe.call is not None
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            reply = await gateway.complete(probe.call)
        probe.response = testing_probe.shown(reply.body, probe.secrets)
    except TimeoutError:
        probe.error = _too_late()
    except GatewayError as error:
        probe.error = error
    except Exception:  # the door of a test: whatever it was, the operator gets an answer, and the log the stack
        log.exception("a test of a provider failed unexpectedly", extra={"provider": probe.provider.provider_id})
        probe.error = InternalError("The gateway failed.")
    finally:
        probe.seconds = time.monotonic() - began


def _too_late() -> GatewayError:
    return UpstreamTimeout(f"The provider did not answer within {SECONDS:g} seconds.", phase="total")
