"""Refreshing prices: a list of prices proposes, an operator accepts. Proposals are untracked; what is accepted is one
change set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from audit.history import change_set
from providers import catalogue, kinds, parameters, prices
from providers.models import PriceProposal, Provider, ProviderModel
from providers.problems import Problems, refuse
from providers.services.model import update_model

SOURCE: Final = "genai-prices"
# What the list knows nothing of stays as the operator entered it.
_KEPT: Final = ("reasoning", *prices.SINGLE)


def refresh_prices(*, providers: Iterable[Provider]) -> list[PriceProposal]:
    """Compares the models of `providers` with the list; their proposals from before go. Nothing of the configuration
    changes."""
    today = datetime.now(UTC).date()
    chosen = list(providers)
    found = [proposal for provider in chosen for proposal in _proposals(provider, today)]
    with transaction.atomic():
        PriceProposal.objects.filter(provider_id__in=[one.provider_id for one in chosen]).delete()
        PriceProposal.objects.bulk_create(found)
    return found


def accept_prices(*, proposals: Iterable[PriceProposal]) -> list[str]:
    """Adds the proposed prices to their models, in one change set; "provider/model" of each.

    ValidationError where a model is gone or its price has changed since: nothing is written then.
    """
    accepted = list(proposals)
    problems = Problems()
    with change_set():
        for proposal in accepted:
            with problems.under():
                _accept(proposal)
        problems.raise_found()
        dismiss_prices(proposals=accepted)
    return [str(proposal) for proposal in accepted]


def dismiss_prices(*, proposals: Iterable[PriceProposal]) -> list[str]:
    """Forgets them; the next refresh proposes them again."""
    gone = list(proposals)
    PriceProposal.objects.filter(pk__in=[proposal.pk for proposal in gone]).delete()
    return [str(proposal) for proposal in gone]


def _proposals(provider: Provider, today: date) -> Iterator[PriceProposal]:
    kind = provider.provider_type
    base_url = _base_url(provider)
    for model in provider.models.exclude(model_id="*"):
        listed = catalogue.entry(kind, base_url, model.model_id).price
        old = _current(model, today)
        kept = {name: value for name, value in (old or {}).items() if name in _KEPT}
        new = {"valid_from": today.isoformat(), **kept, **listed}
        if listed and not _equal(old, new):
            yield PriceProposal(
                provider_id=provider.provider_id,
                model_id=model.model_id,
                old=old,
                price=prices.clean([new])[0],
                source=SOURCE,
                created_at=timezone.now(),
            )


def _accept(proposal: PriceProposal) -> None:
    model = ProviderModel.objects.filter(provider=proposal.provider_id, model_id=proposal.model_id).first()
    if model is None:
        raise refuse("models", f"There is no model {proposal} any more.")
    day = proposal.price["valid_from"]
    if _current(model, date.fromisoformat(day)) != proposal.old:
        raise refuse("models", f"The price of {proposal} has changed since: refresh the prices again.")
    others = [entry for entry in model.prices if entry["valid_from"] != day]
    update_model(model=model, prices=[*others, proposal.price])


def _current(model: ProviderModel, today: date) -> dict[str, Any] | None:
    """The entry that is valid today; the list is in the order of days."""
    valid = [entry for entry in model.prices if entry["valid_from"] <= today.isoformat()]
    return valid[-1] if valid else None


def _equal(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    return old is not None and {**old, "valid_from": ""} == {**new, "valid_from": ""}


def _base_url(provider: Provider) -> str:
    rows = parameters.effective(provider.connection_parameters.all(), "")
    found = rows.get("api_base")
    return str(found.value) if found is not None else kinds.default_base_url(provider.provider_type)
