"""How audit speaks of projects, their keys, and user tokens."""

from __future__ import annotations

from typing import Any

from access.models import Project, ProjectKey, ProviderGrant, UserToken
from access.services import restore
from audit.history import Tracked
from audit.history import register as track
from audit.registration import Attainable, Dump, Reverting, Row

# Bookkeeping of the row itself: no decision of an operator, so no part of a diff.
NOT_DECIDED = frozenset({"id", "created_at", "updated_at"})


def register() -> None:
    track(
        Project,
        natural_key=_project,
        dump=_dump(Project),
        visible_to=_viewers_of("project"),
        reverting=Reverting(4, restore.restore_project, restore.delete_project),
    )
    track(
        ProjectKey,
        natural_key=_project_key,
        dump=_dump(ProjectKey),
        visible_to=_viewers_of("projectkey"),
        reverting=Reverting(
            5,
            restore.restore_key,
            restore.delete_key,
            attainable=attainable_key,
            parent=lambda fields: f"project:{fields['project_id']}",
            vacate=restore.vacate_key,
        ),
    )
    # Tokens and grants are rights: they are given anew, never by a revert.
    track(UserToken, natural_key=_token, dump=_dump(UserToken), visible_to=_viewers_of("usertoken"))
    track(ProviderGrant, natural_key=_grant, dump=_dump(ProviderGrant), visible_to=_viewers_of("providergrant"))


def attainable_key(wanted: Dump, now: Dump | None) -> Attainable:
    """The hash of a revoked key is in no history, so its text never serves again: the key comes back disabled, for its
    name and its calls, and cannot be enabled (`last4` is empty)."""
    if now is not None and now["last4"]:
        return Attainable(wanted)
    return Attainable({**wanted, "last4": "", "enabled": False}, secret_is_missing=True)


def _project(row: Row) -> str:
    return f"project:{row['slug']}"


def _project_key(row: Row) -> str:
    return f"project_key:{row['project_id']}/{row['key_id']}"


def _token(row: Row) -> str:
    # The token's id begins with the user's name as it was (credentials.token_id), so no join is needed to read it.
    return f"token:{row['token_id']}"


def _grant(row: Row) -> str:
    return f"grant:{row['holder']}/{row['provider']}"


def _dump(model: type[Tracked]) -> Any:
    # Taken from the history's own columns: what is excluded from the history (hashes) cannot be shown by mistake.
    names = [field.attname for field in model.history.model.tracked_fields if field.name not in NOT_DECIDED]

    def dump(row: Row) -> dict[str, Any]:
        return {name: _json(row[name]) for name in names}

    return dump


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _viewers_of(model_name: str) -> Any:
    def visible_to(user: Any, name: str) -> bool:
        return bool(user.has_perm(f"access.view_{model_name}"))

    return visible_to
