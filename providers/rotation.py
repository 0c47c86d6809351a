"""Encrypts every stored secret with the newest encryption key.

The one place that writes a tracked table past its history, and on purpose: of a row it writes the ciphertext alone. The
value is the same as before, so there is nothing to audit and nothing for the data plane to read anew. Each write asks
that the ciphertext still be the one that was read, so a secret that is entered at the same moment is never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from fernet_fields.hkdf import derive_fernet_key

from audit import history
from providers.fields import SecretField

BATCH = 200


@dataclass(slots=True)
class Report:
    """Counts of secrets. `changed_meanwhile` were written by somebody else during the run, with the key that their
    process has; `undecryptable` are the names of those that no key opens: they stay as they are."""

    reencrypted: int = 0
    already_newest: int = 0
    changed_meanwhile: int = 0
    undecryptable: list[str] = field(default_factory=list)


def rotate(keys: Sequence[str] | None = None) -> Report:
    """`keys` are newest first; those of the settings where none are given. May be interrupted, and run again: what was
    done stays done. Batches are short transactions, so that others can write in between."""
    newest, every = _ciphers(keys or settings.FERNET_KEYS)
    report = Report()
    for model, secret in secret_fields():
        for batch in _batches(model, secret):
            with transaction.atomic():
                for key, ciphertext in batch:
                    _rotate_one(model, secret, key, ciphertext, newest=newest, every=every, report=report)
    return report


def secret_fields() -> Iterator[tuple[type[models.Model], SecretField]]:
    """Every column that holds secrets, of whatever app."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, SecretField):
                yield model, column


def _ciphers(keys: Sequence[str]) -> tuple[Fernet, MultiFernet]:
    ciphers = [Fernet(derive_fernet_key(key)) for key in keys]
    return ciphers[0], MultiFernet(ciphers)


def _rotate_one(
    model: type[models.Model],
    secret: SecretField,
    key: Any,
    ciphertext: bytes,
    *,
    newest: Fernet,
    every: MultiFernet,
    report: Report,
) -> None:
    try:
        newest.decrypt(ciphertext)
    except InvalidToken:
        pass
    else:
        report.already_newest += 1
        return
    try:
        plain = every.decrypt(ciphertext)
    except InvalidToken:
        report.undecryptable.append(_name(model, secret, key))
        return
    if _replace(model, secret, key, old=ciphertext, new=newest.encrypt(plain)):
        report.reencrypted += 1
    else:
        report.changed_meanwhile += 1


def _batches(model: type[models.Model], secret: SecretField) -> Iterator[list[tuple[Any, bytes]]]:
    """(primary key, ciphertext), as stored: read past the field, which would decrypt."""
    table, pk, column = _quoted(model, secret)
    statement = f"SELECT {pk}, {column} FROM {table} WHERE {column} IS NOT NULL"
    last: Any = None
    while True:
        beyond = f" AND {pk} > %s" if last is not None else ""
        with connection.cursor() as cursor:
            cursor.execute(f"{statement}{beyond} ORDER BY {pk} LIMIT {BATCH}", [last] if last is not None else [])
            rows = [(key, bytes(ciphertext)) for key, ciphertext in cursor.fetchall()]
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _replace(model: type[models.Model], secret: SecretField, key: Any, *, old: bytes, new: bytes) -> bool:
    """Was the ciphertext still `old`, and is now `new`?"""
    table, pk, column = _quoted(model, secret)
    binary = connection.Database.Binary
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = %s WHERE {pk} = %s AND {column} = %s", [binary(new), key, binary(old)]
        )
        return bool(cursor.rowcount)


def _quoted(model: type[models.Model], secret: SecretField) -> tuple[str, str, str]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), quote(model._meta.pk.column), quote(secret.column)


def _name(model: type[models.Model], secret: SecretField, key: Any) -> str:
    """As in the history, "api_key:openai/key-1"; for what has none, the table and its key."""
    if issubclass(model, history.Tracked):
        row = model._base_manager.filter(pk=key).values().first()
        if row is not None:
            return history.registration(model).natural_key(row)
    return f"{model._meta.db_table}.{secret.column}[{key}]"
