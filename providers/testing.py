"""Test connection: one real call to a provider, the way of a live one, with the cheapest suited model.

It works for a disabled provider too: an operator tests before enabling. The call costs what a call costs and stands
in the call table, without a project, with the tag `door: test`. Its result is kept (ProviderState), and is no
revision. `trial` and `asked` are for the prober, which makes the same call by itself and with a key of its choice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
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
class Trial:
    """One test. `problem` is why there is no call to make; `key_id` is the key's, where one was chosen."""

    provider: Provider
    model: str = ""
    key_id: str = ""
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
    trials = [trial(provider, model=model, user=user) for provider in providers]
    _ask([one for one in trials if one.call is not None])
    return [_kept(one) for one in trials]


def last(provider: Provider) -> dict[str, Any] | None:
    """The newest result with the time of its test (`tested_at`), or None."""
    state = getattr(provider, "state", None)
    if state is None or state.last_test is None:
        return None
    return {**state.last_test, "tested_at": state.last_test_at.isoformat()}


def trial(
    provider: Provider, *, model: str = "", keys: Collection[str] | None = None, user: str = "", door: str = "test"
) -> Trial:
    """What is to be asked; nothing is asked yet. `keys`: ids of keys of which the one with most weight is to be used;
    else all that the provider has are drawn by weight, as in a call."""
    if not kinds.is_known(provider.provider_type):
        return Trial(provider, problem=f"The kind '{provider.provider_type}' is not installed.")
    try:
        part = part_of(provider, environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    except ValueError as error:
        return Trial(provider, problem=str(error))
    chosen = model or _cheapest(provider, part)
    if not chosen:
        return Trial(provider, problem="There is no model to test with: add one that chats, or name a model.")
    stored = part.models.get((provider.provider_id, chosen))
    found = testing_probe.request(f"{provider.provider_id}/{chosen}", stored.model_type if stored else "chat")
    if found is None:
        return Trial(provider, chosen, problem="A model of this type is not tested: its call would cost too much.")
    endpoint, request = found
    part, key_id = (part, "") if keys is None else _with_one_key(part, provider.provider_id, keys)
    call = Call(
        endpoint=endpoint,
        request=request,
        caller=_CALLER,
        snapshot=_snapshot(part, provider.provider_id, chosen),
        tags={"door": door},
        end_user=user,
        interrupted=_too_late,
    )
    return Trial(provider, chosen, key_id, call, _secrets(part.upstreams[provider.provider_id]))


def _kept(made: Trial) -> dict[str, Any]:
    result, now = made.result(), timezone.now()
    if Provider.objects.filter(pk=made.provider.pk).exists():  # it may have gone in these seconds
        ProviderState.objects.update_or_create(
            provider=made.provider, defaults={"last_test_at": now, "last_test": result}
        )
    return {**result, "tested_at": now.isoformat()}


def _with_one_key(part: ProvidersPart, provider_id: str, keys: Collection[str]) -> tuple[ProvidersPart, str]:
    """And its id: "" where the provider has none of them."""
    upstream = part.upstreams[provider_id]
    found = sorted((key for key in upstream.keys if key.key_id in keys), key=lambda key: (-key.weight, key.key_id))[:1]
    narrowed = replace(part, upstreams={provider_id: replace(upstream, keys=tuple(found))})
    return narrowed, found[0].key_id if found else ""


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


def _ask(trials: Sequence[Trial]) -> None:
    if not trials:
        return
    try:
        gateway = service.current()
    except GatewayError as error:
        for one in trials:
            one.error = error
        return
    sync.run(asked(gateway, trials))


async def asked(gateway: Gateway, trials: Sequence[Trial]) -> None:
    """Makes the calls, all at the same time, and notes how each ended. They all have one to make."""
    await asyncio.gather(*(_one(gateway, one) for one in trials))


async def _one(gateway: Gateway, made: Trial) -> None:
    assert made.call is not None
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            reply = await gateway.complete(made.call)
        made.response = testing_probe.shown(reply.body, made.secrets)
    except TimeoutError:
        made.error = _too_late()
    except GatewayError as error:
        made.error = error
    except Exception:  # the door of a test: whatever it was, the operator gets an answer, and the log the stack
        log.exception("a test of a provider failed unexpectedly", extra={"provider": made.provider.provider_id})
        made.error = InternalError("The gateway failed.")
    finally:
        made.seconds = time.monotonic() - began


def _too_late() -> GatewayError:
    return UpstreamTimeout(f"The provider did not answer within {SECONDS:g} seconds.", phase="total")
