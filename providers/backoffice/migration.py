"""Brings what the old system held into the configuration, by the services: one change set, or none of it.

What exists here under the same name is updated to what the old database says; what it does not name stays. A key that
has a value here keeps it, so that running this again never brings back a key that was changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit import diff
from audit.history import change_set
from providers import services
from providers.backoffice import database
from providers.backoffice.translation import Key, Notes, Wanted, translate
from providers.models import ApiKey, Provider, ProviderModel
from providers.problems import by_field
from providers.services.key import create_awaiting_key

SIGNS = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Report:
    """`plan` has a line for each object, "+ provider:openai" or "~ model:openai/gpt-4o: enabled"; `notes` one for each
    thing that did not fit. `revision` is None where nothing changed, or nothing was to be written."""

    plan: tuple[str, ...]
    notes: tuple[str, ...]
    revision: int | None


class _NotToBeWritten(Exception):
    """Takes a dry run back."""


def migrate(url: str, *, dry_run: bool) -> Report:
    """A dry run writes and takes back, so its plan is what the run itself would do. Raises database.DatabaseError."""
    notes = Notes()
    wanted = translate(database.read(url), notes)
    plan: tuple[str, ...] = ()
    try:
        with change_set(origin="import", reason="migrate_backoffice") as draft:
            for one in wanted:
                _write(one, notes)
            plan = tuple(sorted((_line(change) for change in diff.changes(draft.revision)), key=lambda line: line[2:]))
            if dry_run:
                raise _NotToBeWritten
    except _NotToBeWritten:
        return Report(plan, tuple(notes.lines), None)
    return Report(plan, tuple(notes.lines), draft.revision if plan else None)


def _line(change: diff.Change) -> str:
    if change.kind == "api_key":
        # The id is drawn when the key is made: a plan names it by what the old system called it.
        told = str(change.fields.get("name", {}).get("new") or change.object.partition("/")[2])
        name = f"{change.object.partition('/')[0]}/{told}"
    else:
        name = change.object
    fields = f": {', '.join(sorted(change.fields))}" if change.action == "update" else ""
    return f"{SIGNS[change.action]} {name}{fields}"


def _write(wanted: Wanted, notes: Notes) -> None:
    provider = Provider.objects.filter(provider_id=wanted.provider_id).first()
    if provider is None:
        made = _tolerant(
            lambda **fields: services.create_provider(provider_id=wanted.provider_id, **fields),
            wanted.fields,
            place=wanted.origin,
            notes=notes,
        )
    else:
        made = _tolerant(
            lambda **fields: services.update_provider(provider=provider, **fields),
            wanted.fields,
            place=wanted.origin,
            notes=notes,
        )
    if made is None:
        return
    # Parameters before keys: a key is bound to the address that they say.
    for parameter in wanted.parameters:
        _tolerant(
            lambda **fields: services.set_parameter(provider=made, **fields),
            parameter.fields(),
            place=parameter.origin,
            notes=notes,
            required=("param_name", "param_value", "is_sensitive", "environment"),
        )
    for key in wanted.keys:
        _write_key(made, key, notes)
    for model_id, fields in wanted.models.items():
        _write_model(made, model_id, fields, notes)


def _write_model(provider: Provider, model_id: str, fields: Mapping[str, Any], notes: Notes) -> None:
    model = ProviderModel.objects.filter(provider=provider, model_id=model_id).first()
    place = f"{database.MODELS}[{provider.provider_id}/{model_id}]"

    def write(**given: Any) -> Any:
        if model is None:
            return services.create_model(provider=provider, model_id=model_id, **given)
        return services.update_model(model=model, **given)

    _tolerant(write, fields, place=place, notes=notes)


def _write_key(provider: Provider, key: Key, notes: Notes) -> None:
    if key.expires_at is not None and key.expires_at <= timezone.now():
        notes.add(key.origin, f"left out: it expired on {key.expires_at:%Y-%m-%d}")
        return
    fields = {"name": key.name, "environment": key.environment, "expires_at": key.expires_at}
    stored = ApiKey.objects.filter(provider=provider, name=key.name, environment=key.environment).first()
    if stored is not None:
        _keep(stored, key, notes)
        return
    required = ("name", "environment", "expires_at")
    if key.value is not None:
        problems = Notes()
        made = _tolerant(
            lambda **given: services.create_key(provider=provider, key_value=key.value, **given),
            fields,
            place=key.origin,
            notes=problems,
            required=(*required, "key_value"),
        )
        if made is not None:
            return
        notes.lines.extend(line.replace("left out", "awaiting its secret") for line in problems.lines)
    _tolerant(
        lambda **given: create_awaiting_key(provider=provider, **given),
        fields,
        place=key.origin,
        notes=notes,
        required=required,
    )


def _keep(stored: ApiKey, key: Key, notes: Notes) -> None:
    services.update_key(key=stored, expires_at=key.expires_at)
    if key.value is not None and stored.secret != key.value:
        held = "no value" if not (stored.secret or stored.reference) else "another value"
        notes.add(key.origin, f"the key here has {held} and is left as it is")


def _tolerant(
    write: Callable[..., Any], fields: Mapping[str, Any], *, place: str, notes: Notes, required: tuple[str, ...] = ()
) -> Any:
    """The object written; a field that the service refuses is told and left at its default, and where that does not
    do, or the field is required, the whole object is left out: None."""
    try:
        with transaction.atomic():
            return write(**fields)
    except ValidationError as error:
        refused = by_field(error)
    for name, messages in refused.items():
        notes.add(f"{place}.{name}" if name in fields else place, f"left out: {' '.join(messages)}")
    columns = {name.partition(".")[0] for name in refused}
    if columns & set(required) or not columns <= set(fields):
        return None
    return _tolerant(
        write, {name: value for name, value in fields.items() if name not in columns}, place=place, notes=notes
    )
