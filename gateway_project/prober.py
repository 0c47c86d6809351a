"""Active probes: providers that want it are asked on a schedule, and keys that were refused are asked again.

A probe is the call of a test (`providers.testing`), with one key: it costs what a call costs and stands in the call
table with the tag `door: probe`. What it found goes by orders to all processes. Of several control processes on one
database each looks, and one makes a given probe: who makes it has claimed it in the database before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db import close_old_connections, connections
from django.utils import timezone

from audit import health_state
from audit.health_models import HealthState, Subject
from gateway_project import probe_orders
from llm import sync
from llm.service import Gateway
from providers import probing, selectors, testing
from providers.key_state import KeyState
from providers.models import ApiKey, Provider
from providers.parameters import PROBE_INTERVAL
from providers.services import probe as kept

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 30.0
AT_A_TIME: Final = 8
Troubled = dict[health_state.Key, HealthState]  # what is open
_KEPT: Final = ("success", "error", "error_code", "model_tested", "duration_ms")


@dataclass(slots=True)
class Probe:
    """One that is due. `key`: the refused key that is asked about, else `keys` are the ids of those that may be used.
    `last`: when it was made last. `tells`: is it what the provider's page shows?"""

    provider: Provider
    last: datetime | None
    key: ApiKey | None = None
    keys: frozenset[str] = frozenset()
    tells: bool = True

    def claim(self, now: datetime) -> bool:
        if self.key is not None:
            return kept.claim_key(key=self.key, last=self.last, now=now)
        return kept.claim_provider(provider=self.provider, last=self.last, now=now)

    def trial(self) -> testing.Trial:
        keys = self.keys if self.key is None else {self.key.key_id}
        return testing.trial(self.provider, keys=keys, door="probe")


class Prober:
    """`start()` begins its thread, `stop()` ends it, with what it has under way. `look()` does what is due, for those
    that have no need of a thread."""

    def __init__(self, gateway: Gateway, *, now: Callable[[], datetime] = timezone.now) -> None:
        self._gateway = gateway
        self._now = now
        self._since = now()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._asking: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if (asking := self._asking) is not None:
            loop, task = asking
            loop.call_soon_threadsafe(task.cancel)
        if self._thread is not None:
            self._thread.join(timeout=5)

    def look(self) -> int:
        """Makes the probes that are due, a few at most; how many."""
        now = self._now()
        wanted = selectors.providers().filter(enabled=True, request_settings__has_key=PROBE_INTERVAL)
        providers = list(wanted)
        if not providers:
            return 0
        troubled = {(state.kind, state.name): state for state in health_state.unfinished()}
        found = (probe for provider in providers for probe in self._due(provider, troubled, now))
        due = sorted(found, key=lambda probe: (probe.last is not None, probe.last or now))
        claimed = islice((probe for probe in due if probe.claim(now)), AT_A_TIME)
        made = [(probe, probe.trial()) for probe in claimed]
        self._ask([trial for _, trial in made if trial.call is not None])
        if self._stop.is_set():
            return 0
        for probe, trial in made:
            self._conclude(probe, trial, troubled)
        return len(made)

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._stop.wait(pause):
            pause = LOOK_SECONDS
            close_old_connections()
            try:
                if self.look() == AT_A_TIME:
                    pause = 0.0  # more may be due
            except Exception:  # reason: top of a loop; the database may be away, it is tried again
                log.exception("providers could not be probed; it is tried again")
                pause = RETRY_SECONDS
        connections.close_all()

    def _due(self, provider: Provider, troubled: Troubled, now: datetime) -> Iterator[Probe]:
        interval = probing.interval_of(provider.request_settings)
        if not interval:
            return
        usable = [key for key in provider.api_keys.all() if selectors.key_state(key) is KeyState.ACTIVE]
        bad = [key for key in usable if (Subject.Kind.KEY, _name(key)) in troubled]
        good = frozenset(key.key_id for key in usable if key not in bad)
        last = provider.state.last_probe_at if hasattr(provider, "state") else None
        name = provider.provider_id
        # Where all keys are refused nothing can be learnt but of them.
        if (good or not usable) and probing.is_due(name, interval=interval, last=last, since=self._since, now=now):
            yield Probe(provider, last, keys=good)
        for key in bad:
            until = troubled[Subject.Kind.KEY, _name(key)].until
            last = key.state.last_probe_at if hasattr(key, "state") else None
            if probing.is_due(_name(key), interval=interval, last=last, since=self._since, now=now, until=until):
                yield Probe(provider, last, key=key, tells=not good)

    def _ask(self, trials: list[testing.Trial]) -> None:
        if not trials:
            return
        try:
            sync.run(self._asked(trials))
        except concurrent.futures.CancelledError:
            log.info("probes were cut short")

    async def _asked(self, trials: list[testing.Trial]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._asking = asyncio.get_running_loop(), task
        try:
            if not self._stop.is_set():
                await testing.asked(self._gateway, trials)
        finally:
            self._asking = None

    def _conclude(self, probe: Probe, trial: testing.Trial, troubled: Troubled) -> None:
        now = self._now()
        finding = probe_orders.found(trial)
        failures = 0
        if probe.tells:
            result = _result(trial, now)
            failures = kept.keep_probe(provider=probe.provider, result=result, failed=finding.failed)
        if probe.key is not None:
            # That it is refused was seen before, and what others say of the provider counts more.
            finding = probe_orders.of_key_alone(finding)
            failures = probe_orders.IN_A_ROW
        facts = {"provider": probe.provider.provider_id, "failed": finding.failed, "failures": failures}
        log.info("probed", extra=facts)
        probe_orders.give(finding, failures=failures, before=troubled, now=now)


def _name(key: ApiKey) -> str:
    return f"{key.provider_id}/{key.key_id}"


def _result(trial: testing.Trial, now: datetime) -> dict[str, Any]:
    result = trial.result()
    return {**{name: result[name] for name in _KEPT}, "key_id": trial.key_id or None, "probed_at": now.isoformat()}
