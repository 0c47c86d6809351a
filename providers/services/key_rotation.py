"""Rotation of a provider's key: the new value serves first, the old one stays for a while as its fallback."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from audit.history import change_set
from providers.key_state import rotated_suffix
from providers.models import ApiKey
from providers.problems import refuse
from providers.services.key import SECRET_FIELDS, create_key

GRACE_HOURS: Final = 24
LONGEST_GRACE_HOURS: Final = 24 * 90
_LONGEST_NAME: Final = 100


def rotate_key(
    *,
    key: ApiKey,
    key_value: Any = None,
    reference: Any = None,
    expires_at: datetime | None = None,
    grace_hours: float = GRACE_HOURS,
) -> tuple[ApiKey, ApiKey]:
    """The new key and the old one. The new takes over name, environment and weight, and whether it is enabled.

    The old one gets another name and weight 0, with which it is asked only where the other keys fail, and ends after
    `grace_hours` (0: at once), or sooner where it would have ended sooner. It keeps its key_id: calls name the key that
    they really used.
    """
    if isinstance(grace_hours, bool) or not 0 <= grace_hours <= LONGEST_GRACE_HOURS:
        raise refuse("grace_hours", f"It must be a number of hours, 0 to {LONGEST_GRACE_HOURS}.")
    given = {"key_value": key_value, "reference": reference}
    if all(value is None for value in given.values()):
        raise refuse(SECRET_FIELDS[0], "Either key_value or reference is required.")
    with change_set():
        key.refresh_from_db()
        name, weight = key.name, key.weight
        _retire(key, timezone.now() + timedelta(hours=grace_hours))
        new = create_key(
            provider=key.provider,
            name=name,
            environment=key.environment,
            weight=weight,
            enabled=key.enabled,
            expires_at=expires_at,
            **given,
        )
    return new, key


def _retire(key: ApiKey, ends_at: datetime) -> None:
    suffix = rotated_suffix(key)
    key.name = key.name.removesuffix(suffix)[: _LONGEST_NAME - len(suffix)] + suffix
    key.weight = 0
    key.expires_at = ends_at if key.expires_at is None else min(key.expires_at, ends_at)
    key.save()
