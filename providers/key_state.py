"""What a stored key is good for, here and now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from llm.references import ReferenceMissing
from providers import secrets
from providers.binding import binding, is_bound
from providers.fields import Undecryptable
from providers.models import ApiKey, ConnectionParameter

# So long before its end a key is warned of.
WARNED_BEFORE = timedelta(days=14)


class KeyState(StrEnum):
    """`awaiting_secret`: it has no value here, or it must be entered anew because the provider's address changed."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"
    AWAITING_SECRET = "awaiting_secret"
    UNDECRYPTABLE = "undecryptable"
    OTHER_ENVIRONMENT = "other_environment"


def key_state(
    key: ApiKey,
    *,
    kind: str,
    siblings: Iterable[ApiKey],
    parameters: Sequence[ConnectionParameter],
    environment: str,
    now: datetime,
) -> KeyState:
    """`siblings` are all keys of the provider, `parameters` all its parameters, `environment` is the process's own."""
    if not key.enabled:
        return KeyState.DISABLED
    if key.expires_at is not None and key.expires_at <= now:
        return KeyState.EXPIRED
    if isinstance(key.secret, Undecryptable):
        return KeyState.UNDECRYPTABLE
    if not key.secret and not key.reference:
        return KeyState.AWAITING_SECRET
    if not is_bound(key.bound_to, binding(kind=kind, rows=parameters, environment=key.environment or environment)):
        return KeyState.AWAITING_SECRET
    if not is_used_in(key, siblings, environment):
        return KeyState.OTHER_ENVIRONMENT
    return KeyState.ACTIVE if _has_secret(key) else KeyState.AWAITING_SECRET


def is_used_in(key: ApiKey, siblings: Iterable[ApiKey], environment: str) -> bool:
    """Keys exactly for this environment beat those for every one. A disabled key beats nothing."""
    if key.environment:
        return key.environment == environment
    return not any(other.environment == environment and other.enabled for other in siblings)


def rotated_suffix(key: ApiKey) -> str:
    """The end of the name of a key in whose place another one serves."""
    return f" (old, {key.key_id})"


def expires_soon(key: ApiKey, *, now: datetime) -> bool:
    """Will an enabled key end within 14 days? One that has ended is told by its state, one that was rotated should."""
    if not key.enabled or key.expires_at is None or key.name.endswith(rotated_suffix(key)):
        return False
    return now < key.expires_at <= now + WARNED_BEFORE


def secret_of(key: ApiKey) -> str:
    """The key's value, a reference followed. Raises ReferenceMissing where there is none."""
    if key.reference:
        return secrets.resolve(key.reference)
    if not key.secret:
        raise ReferenceMissing("no value is stored")
    return str(key.secret)


def _has_secret(key: ApiKey) -> bool:
    try:
        return bool(secret_of(key))
    except ReferenceMissing:
        return False


def parameter_state(
    row: ConnectionParameter, *, kind: str, rows: Sequence[ConnectionParameter], environment: str
) -> KeyState:
    """The state of a parameter: plain ones are active or of another environment."""
    if isinstance(row.secret_value, Undecryptable):
        return KeyState.UNDECRYPTABLE
    if row.is_sensitive and not is_parameter_bound(
        row, kind=kind, rows=rows, environment=row.environment or environment
    ):
        return KeyState.AWAITING_SECRET
    shadowed = any(
        other.param_name == row.param_name and other.environment == environment for other in rows if other.pk != row.pk
    )
    used = row.environment == environment or (not row.environment and not shadowed)
    return KeyState.ACTIVE if used else KeyState.OTHER_ENVIRONMENT


def is_parameter_bound(
    row: ConnectionParameter, *, kind: str, rows: Sequence[ConnectionParameter], environment: str
) -> bool:
    """May a sensitive parameter be sent where the provider leads now? A proxy's goes to the proxy that it names."""
    if row.secret_value is None:
        return False
    return row.param_name == "proxy" or is_bound(row.bound_to, binding(kind=kind, rows=rows, environment=environment))
