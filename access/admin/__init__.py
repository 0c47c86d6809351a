"""Admin pages of callers and of the users who manage them."""

from access.admin import project, project_key, token, user

__all__ = ["project", "project_key", "token", "user"]
