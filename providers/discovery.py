"""Discovery: what a provider lists, against what is stored of it. Only `add` writes anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from audit.history import change_set
from llm.snapshot import Upstream
from providers import catalogue, discovery_source, kinds, names, services
from providers.discovery_source import Listed
from providers.discovery_wire import NotListed
from providers.models import Provider, ProviderModel
from providers.problems import refuse
from providers.snapshot_part import part_of
from providers.testing_probe import storable


@dataclass(frozen=True, slots=True)
class Discovered:
    """`new` and `known` are listed by the provider, as a model's body has them (`known` with `enabled` too); `gone` are
    stored and not listed any more. `error` is why there is no list."""

    provider_id: str
    new: tuple[dict[str, Any], ...] = ()
    known: tuple[dict[str, Any], ...] = ()
    gone: tuple[dict[str, Any], ...] = ()
    error: str = ""

    @property
    def message(self) -> str:
        if self.error:
            return f"The models could not be listed: {self.error}"
        return f"{len(self.new)} new, {len(self.known)} known, {len(self.gone)} gone."

    def result(self, added: Sequence[str] = ()) -> dict[str, Any]:
        """As `POST /providers/{id}/discover` answers. What was added stands among the new ones still."""
        return {
            "success": not self.error,
            "message": self.message,
            "provider_id": self.provider_id,
            "new": list(self.new),
            "known": list(self.known),
            "gone": list(self.gone),
            "added": list(added),
            "error": self.error or None,
        }


def run(*, provider: Provider) -> Discovered:
    """Asks the provider. It works for a disabled one too, and raises nothing where the provider fails."""
    try:
        upstream = _upstream(provider)
        found = [one for one in discovery_source.listed(upstream) if _is_name(one.model_id)]
    except (NotListed, ValueError) as error:
        return Discovered(provider.provider_id, error=str(error))
    stored = {row.model_id: row for row in ProviderModel.objects.filter(provider=provider.provider_id)}
    seen = {one.model_id for one in found}
    return Discovered(
        provider_id=provider.provider_id,
        new=tuple(_described(one, upstream) for one in found if one.model_id not in stored),
        known=tuple(
            {**_described(one, upstream), "enabled": stored[one.model_id].enabled}
            for one in found
            if one.model_id in stored
        ),
        gone=tuple(
            {"model_id": row.model_id, "display_name": row.display_name, "enabled": row.enabled}
            for row in stored.values()
            if row.model_id not in seen and row.model_id != "*"
        ),
    )


def add(*, provider: Provider, found: Discovered, model_ids: Iterable[str]) -> list[str]:
    """Adds the chosen ones of `found` in one change set, with what is known of them; the ids that were new.

    ValidationError for one that the provider does not list; nothing is added then.
    """
    wanted = list(dict.fromkeys(model_ids))
    new = {item["model_id"]: item for item in found.new}
    known = {item["model_id"] for item in found.known}
    if strange := [model_id for model_id in wanted if model_id not in new and model_id not in known]:
        raise refuse("apply", f"The provider does not list {', '.join(strange[:5])}.")
    chosen = [model_id for model_id in wanted if model_id in new]
    with change_set():
        for model_id in chosen:
            services.create_model(provider=provider, **new[model_id])
    return chosen


def _upstream(provider: Provider) -> Upstream:
    if not kinds.is_known(provider.provider_type):
        raise NotListed(f"The kind '{provider.provider_type}' is not installed.")
    part = part_of(provider, environment=settings.GATEWAY_ENV, allow_private=settings.ALLOW_PRIVATE_UPSTREAMS)
    return part.upstreams[provider.provider_id]


def _is_name(model_id: str) -> bool:
    try:
        names.check_model_id(model_id)
    except ValidationError:
        return False
    return model_id != "*" and model_id.isprintable()


def _described(one: Listed, upstream: Upstream) -> dict[str, Any]:
    """The provider's own word first, then that of the list of prices."""
    entry = catalogue.entry(upstream.kind, upstream.base_url, one.model_id)
    described = asdict(one)
    described["context_window"] = one.context_window or entry.context_window
    described["display_name"] = storable(one.display_name)[:200]
    described["prices"] = [dict(entry.price)] if entry.price else []
    return described
