"""Every write about callers. Keyword-only; atomic inside one change set; bad input is a ValidationError by field."""

from access.services.grant import create_grant, revoke_grant, update_grant
from access.services.key import create_key, revoke_key, update_key
from access.services.key_use import note_key_use
from access.services.project import create_project, delete_project, update_project
from access.services.token import create_token, revoke_token, update_token
from access.services.user import create_user

__all__ = [
    "create_grant",
    "create_key",
    "create_project",
    "create_token",
    "create_user",
    "delete_project",
    "note_key_use",
    "revoke_grant",
    "revoke_key",
    "revoke_token",
    "update_grant",
    "update_key",
    "update_project",
    "update_token",
]
