"""How audit speaks of projects, their keys, and user tokens."""

from __future__ import annotations

from typing import Any

from access.models import Project, ProjectKey, UserToken
from audit.history import Row, Tracked
from audit.history import register as track

# Bookkeeping of the row itself: no decision of an operator, so no part of a diff.
NOT_DECIDED = frozenset({"id", "created_at", "updated_at"})


def register() -> None:
    track(Project, natural_key=_project, dump=_dump(Project), visible_to=_viewers_of("project"))
    track(ProjectKey, natural_key=_project_key, dump=_dump(ProjectKey), visible_to=_viewers_of("projectkey"))
    track(UserToken, natural_key=_token, dump=_dump(UserToken), visible_to=_viewers_of("usertoken"))


def _project(row: Row) -> str:
    return f"project:{row['slug']}"


def _project_key(row: Row) -> str:
    return f"project_key:{row['project_id']}/{row['key_id']}"


def _token(row: Row) -> str:
    # The token's id begins with the user's name as it was (credentials.token_id), so no join is needed to read it.
    return f"token:{row['token_id']}"


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
