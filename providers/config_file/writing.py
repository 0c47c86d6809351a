"""Carries a decision out, through the services, in the one change set that the caller opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from llm.core.reading import Document, Path
from providers import services
from providers.config_file import kinds
from providers.config_file.merging import Decision, Order
from providers.config_file.states import States
from providers.config_file.wanted import Wanted
from providers.errors import ConfigurationError
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel
from providers.problems import by_field
from providers.services import stated
from providers.services.entry import bound_now

# Secrets are bound to these: see providers/binding.py.
_ADDRESS = frozenset({"api_base", "proxy", "verify"})
_IN_FILE = {"key_value": "secret", "param_value": "", "value": "", "non_field_errors": ""}


class Writer:
    """Writes everything it can, so that the operator hears of every problem at once; `carry_out` raises them all."""

    def __init__(self, document: Document, wanted: Mapping[str, Wanted], now: States) -> None:
        self.kept: list[tuple[str, str]] = []  # (object, "secret") whose stored value is another than the file's
        self._document = document
        self._wanted = wanted
        self._now = now
        self._problems: list[str] = []
        self._failed: set[str] = set()
        self._moved: set[str] = set()  # providers whose address changed

    def carry_out(self, decision: Decision) -> None:
        """Raises ConfigurationError with a line for each problem."""
        deletes = {kind: [name for name in decision.deletes if kinds.kind_of(name) == kind] for kind in kinds.models()}
        for kind in kinds.models():
            orders = [order for order in decision.orders if order.wanted.kind == kind]
            for order in sorted(orders, key=_rank):
                self._write(order)
            if kind == kinds.PARAMETER_KIND:  # before keys, which are bound to what the parameters say
                self._delete_all(deletes.pop(kind))
        self._enter_again()
        for kind in reversed(deletes):
            self._delete_all(deletes[kind])
        if self._problems:
            raise ConfigurationError("\n".join(self._problems))

    def _write(self, order: Order) -> None:
        want = order.wanted
        if kinds.provider_of(want.name) in self._failed:
            return
        with self._errors(want.name, want.path):
            if want.kind == kinds.PROVIDER_KIND:
                self._write_provider(order)
            elif want.kind == kinds.PARAMETER_KIND:
                self._write_parameter(want)
            elif want.kind == kinds.KEY_KIND:
                self._write_key(want, {name: want.fields[name] for name in order.fields})
            elif want.kind == kinds.MODEL_KIND:
                self._write_model(order)
            else:
                self._write_of_section(order)

    def _write_provider(self, order: Order) -> None:
        want = order.wanted
        fields = {name: want.fields[name] for name in order.fields}
        if order.new:
            services.create_provider(provider_id=want.provider_id, **fields)
            return
        services.update_provider(provider=_provider(want), **fields)
        if "provider_type" in fields:
            self._moved.add(want.provider_id)

    def _write_parameter(self, want: Wanted) -> None:
        fields, provider = want.fields, _provider(want)
        place = {"param_name": want.own_key, "environment": fields["environment"]}
        if want.own_key in _ADDRESS:
            self._moved.add(want.provider_id)
        if not fields["is_sensitive"]:
            services.set_parameter(provider=provider, param_value=fields["value"], is_sensitive=False, **place)
        elif want.secret is not None:
            services.set_parameter(provider=provider, param_value=want.secret, is_sensitive=True, **place)
        else:
            stated.write_awaiting_parameter(provider=provider, fields=fields, **place)
            self._note_other_secret(want, ConnectionParameter.objects.get(provider=provider, **place))

    def _write_key(self, want: Wanted, fields: dict[str, Any]) -> None:
        if isinstance(fields.get("expires_at"), str):
            fields["expires_at"] = datetime.fromisoformat(fields["expires_at"])
        if "bound_to" in want.fields and "reference" in want.fields:
            fields |= {name: want.fields[name] for name in ("reference", "bound_to")}
        secret = want.secret if "fingerprint" in fields else None
        key = stated.write_key(
            provider=_provider(want), key=self._key(want), key_id=want.own_key, fields=fields, key_value=secret
        )
        if "fingerprint" in fields:
            self._note_other_secret(want, key)

    def _write_model(self, order: Order) -> None:
        want = order.wanted
        fields = {name: want.fields[name] for name in order.fields}
        if order.new:
            services.create_model(provider=_provider(want), model_id=want.own_key, **fields)
        else:
            model = ProviderModel.objects.get(provider=want.provider_id, model_id=want.own_key)
            services.update_model(model=model, **fields)

    def _write_of_section(self, order: Order) -> None:
        want, section = order.wanted, kinds.sections()[order.wanted.kind]
        fields = {name: want.fields[name] for name in order.fields}
        if order.new:
            section.create(want.own_key, fields)
        else:
            section.update(section.model.objects.get(**{section.key: want.own_key}), fields)

    def _key(self, want: Wanted) -> ApiKey | None:
        if want.name not in self._now:
            return None
        return ApiKey.objects.get(provider=want.provider_id, key_id=want.name.partition("/")[2])

    def _note_other_secret(self, want: Wanted, row: ApiKey | ConnectionParameter) -> None:
        if want.secret is None and row.fingerprint != want.fields.get("fingerprint"):
            self.kept.append((want.name, "secret"))

    def _enter_again(self) -> None:
        """What an unchanged secret of the file still needs: a value that waits for it, or another binding.

        A file that changes where a provider leads and says its secret, or reference, means the two together. Where
        somebody else changed the address the binding stays as it was: so nobody leads a key of the file astray.
        """
        for want in self._wanted.values():
            moved = want.provider_id in self._moved and "bound_to" not in want.fields
            if want.name in self._failed or not (want.secret is not None or (moved and "reference" in want.fields)):
                continue
            with self._errors(want.name, want.path):
                row = self._stored(want)
                if row is not None and (moved or not stated.has_secret(row)):
                    _enter(row, want)

    def _stored(self, want: Wanted) -> ApiKey | ConnectionParameter | None:
        """The row, if what it holds, or waits for, is what the file says."""
        row: ApiKey | ConnectionParameter | None
        if want.kind == kinds.KEY_KIND:
            row = self._key(want)
            names = {"reference"} if "reference" in want.fields else {"fingerprint"}
        else:
            place = {"param_name": want.own_key, "environment": want.fields["environment"]}
            row = ConnectionParameter.objects.filter(provider=want.provider_id, **place).first()
            names = {"fingerprint"}
        return row if row is not None and all(getattr(row, name) == want.fields[name] for name in names) else None

    def _delete_all(self, names: list[str]) -> None:
        for name in names:
            with self._errors(name, ()):
                self._delete(name)

    def _delete(self, name: str) -> None:
        state, kind = self._now[name], kinds.kind_of(name)
        if kind in kinds.sections():
            section = kinds.sections()[kind]
            section.delete(section.model.objects.get(**{section.key: state[section.key]}))
            return
        rows = kinds.OF_PROVIDERS[kind].objects.filter(provider_id=state["provider_id"])
        if kind == kinds.PROVIDER_KIND:
            services.delete_provider(provider=rows.get())
        elif kind == kinds.PARAMETER_KIND:
            if state["param_name"] in _ADDRESS:
                self._moved.add(state["provider_id"])
            place = {"param_name": state["param_name"], "environment": state["environment"]}
            services.delete_parameter(parameter=rows.get(**place))
        elif kind == kinds.KEY_KIND:
            services.delete_key(key=rows.get(key_id=state["key_id"]))
        else:
            services.delete_model(model=rows.get(model_id=state["model_id"]))

    @contextmanager
    def _errors(self, name: str, path: Path) -> Iterator[None]:
        """What a service says of a field, as it is called in the file, with its line."""
        try:
            yield
        except ValidationError as error:
            self._failed.add(name)
            for field, messages in by_field(error).items():
                place = self._document.place((*path, *_in_file(field))) if path else f"{name} is not in the file"
                self._problems.append(f"{place}: {' '.join(messages)}")


def _provider(want: Wanted) -> Provider:
    return Provider.objects.get(provider_id=want.provider_id)


def _enter(row: ApiKey | ConnectionParameter, want: Wanted) -> None:
    """A key that waited was disabled for that only."""
    if isinstance(row, ConnectionParameter):
        services.update_parameter(parameter=row, param_value=want.secret)
    elif want.secret is None:
        if row.bound_to != bound_now(row.provider_id, row.environment):
            services.update_key(key=row, reference=row.reference)
    elif stated.has_secret(row):
        services.update_key(key=row, key_value=want.secret)
    else:
        services.update_key(key=row, key_value=want.secret, enabled=want.fields.get("enabled", True))


def _rank(order: Order) -> int:
    """Sensitive parameters are bound to the plain ones and to the proxy."""
    if order.wanted.kind != kinds.PARAMETER_KIND or not order.wanted.fields["is_sensitive"]:
        return 0
    return 1 if order.wanted.own_key == "proxy" else 2


def _in_file(field: str) -> Path:
    parts = [_IN_FILE.get(part, part) for part in field.split(".")]
    return tuple(int(part) if part.isdigit() else part for part in parts if part)
