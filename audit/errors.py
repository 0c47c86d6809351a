"""Errors of services that a door answers with 409. Both are Django's ValidationError and take {field: [messages]}:

ValidationError              400, bad input
├── Duplicate                409, an object of that name exists
└── InUse                    409, something still needs the object
"""

from __future__ import annotations

from django.core.exceptions import ValidationError


class Duplicate(ValidationError):
    """An object with this natural key exists already."""


class InUse(ValidationError):
    """The object cannot go: another one names it. The message says which."""
