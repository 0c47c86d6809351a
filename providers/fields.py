"""SecretField: a text that is encrypted at rest and hard to show by mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.core.exceptions import FieldError
from django.db.models import Case, Value
from django.db.models.functions import Cast
from fernet_fields import EncryptedTextField
from fernet_fields.hkdf import derive_fernet_key


@dataclass(frozen=True, slots=True)
class Undecryptable:
    """What a row holds whose encryption key is lost: false, equal by its ciphertext, and saved back unchanged."""

    ciphertext: bytes = field(repr=False)

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "undecryptable"


class SecretField(EncryptedTextField):
    """Text, encrypted with the newest key of settings.FERNET_KEYS, readable with any of them.

    Reads give the text, None, or `Undecryptable`. Writes take the same; of expressions only those of `bulk_update`.
    No lookup but `isnull`. Serializers and forms get None instead of the text; a blank form field keeps what is stored.
    """

    @property
    def fernet(self) -> MultiFernet:
        return _fernet(tuple(settings.FERNET_KEYS))

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Undecryptable) else super().to_python(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            return self._of_bulk_update(value)
        if value is None:
            return None
        if isinstance(value, Undecryptable):
            return connection.Database.Binary(value.ciphertext)
        return connection.Database.Binary(self.fernet.encrypt(str(value).encode()))

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        if value is None:
            return None
        ciphertext = bytes(value)
        try:
            return self.fernet.decrypt(ciphertext).decode()
        except InvalidToken:
            return Undecryptable(ciphertext)

    def _of_bulk_update(self, expression: Any) -> Any:
        # bulk_update writes CASE WHEN pk THEN Value(secret, output_field=this field): each Value comes back here by
        # itself and is encrypted. Anything else would put plain text, or another column, into the database.
        cases = expression.get_source_expressions()[0] if isinstance(expression, Cast) else expression
        if isinstance(cases, Case) and all(self._is_own_value(case.result) for case in cases.cases):
            return expression
        raise FieldError(f"{self.name} takes a text, not an expression: set it on the object and save that.")

    def _is_own_value(self, result: Any) -> bool:
        return isinstance(result, Value) and isinstance(result._output_field_or_none, SecretField)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted: it has no lookup but isnull, not {lookup_name}.")

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is encrypted: it has no lookup but isnull, not {lookup_name}.")

    def value_from_object(self, obj: Any) -> None:
        """What forms and dumpdata see."""

    def value_to_string(self, obj: Any) -> None:
        """What serializers see."""

    def save_form_data(self, instance: Any, data: Any) -> None:
        if data:
            super().save_form_data(instance, data)

    def formfield(self, **kwargs: Any) -> Any:
        kwargs.setdefault("widget", forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}))
        return super().formfield(**{**kwargs, "required": False})


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(derive_fernet_key(key)) for key in keys])
