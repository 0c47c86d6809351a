"""Writes of a provider's models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from audit.errors import Duplicate
from audit.history import change_set
from providers import names, prices, usage
from providers.models import Provider, ProviderModel
from providers.problems import Problems, assign, check_columns, refuse

FIELDS = (
    "display_name",
    "model_type",
    "context_window",
    "max_tokens",
    "enabled",
    "capabilities",
    "parameters",
    "priority",
    "weight",
    "prices",
)
_TOKENS = ("context_window", "max_tokens")
_RANKS = ("priority", "weight")


def create_model(*, provider: Provider, model_id: str, **fields: Any) -> ProviderModel:
    """`fields` are those of FIELDS. Duplicate where the provider has the model already."""
    names.check_model_id(model_id)
    model = ProviderModel(provider=provider, model_id=model_id)
    with change_set():
        if ProviderModel.objects.filter(provider=provider, model_id=model_id).exists():
            raise Duplicate({"model_id": [f'The provider has a model "{model_id}" already.']})
        assign(model, fields, allowed=FIELDS)
        _check(model, changed=FIELDS)
        model.save()
    return model


def update_model(*, model: ProviderModel, **fields: Any) -> ProviderModel:
    """Only what `fields` says changes; `model_id` may be said again."""
    if fields.pop("model_id", model.model_id) != model.model_id:
        raise refuse("model_id", "It never changes after creation.")
    with change_set():
        model.refresh_from_db(fields=[*FIELDS, "updated_at"])
        assign(model, fields, allowed=FIELDS)
        _check(model, changed=fields)
        model.save()
    return model


def delete_model(*, model: ProviderModel) -> None:
    """InUse where a route or project names it."""
    with change_set():
        usage.check_model(model)
        model.delete()


def write_models(*, provider: Provider, items: Sequence[Mapping[str, Any]], problems: Problems) -> None:
    """Adds or updates the models of a provider's body; those that it does not name stay."""
    known = {model.model_id: model for model in ProviderModel.objects.filter(provider=provider)}
    seen: set[str] = set()
    for place, item in enumerate(items):
        with problems.under(f"models.{place}"):
            fields = dict(item)
            model_id = fields.pop("model_id", None)
            if fields.pop("provider_id", provider.provider_id) != provider.provider_id:
                raise refuse("provider_id", "It must be the provider that the model is nested in.")
            names.check_model_id(model_id)
            if model_id in seen:
                raise refuse("model_id", "It stands in this list twice.")
            seen.add(model_id)
            if model_id in known:
                update_model(model=known[model_id], **fields)
            else:
                create_model(provider=provider, model_id=model_id, **fields)


def _check(model: ProviderModel, *, changed: Collection[str]) -> None:
    problems = Problems()
    check_columns(model, problems, exclude=[*_TOKENS, *_RANKS, "capabilities", "parameters", "prices", "model_id"])
    for field in (name for name in _TOKENS if getattr(model, name) is not None):
        with problems.under():
            names.check_whole_number(field, getattr(model, field), smallest=1)
    for field in _RANKS:
        with problems.under():
            names.check_whole_number(field, getattr(model, field), largest=names.LARGEST_SMALL)
    if "capabilities" in changed:
        with problems.under():
            names.check_texts("capabilities", model.capabilities)
    if "parameters" in changed:
        with problems.under():
            names.check_object("parameters", model.parameters)
    if "prices" in changed:
        with problems.under():
            model.prices = prices.clean(model.prices)
    problems.raise_found()
