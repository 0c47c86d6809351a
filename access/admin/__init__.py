"""Admin pages of callers and of the users who manage them."""

from access.admin import grant, lockout, project, project_key, token, user

__all__ = ["grant", "lockout", "project", "project_key", "token", "user"]
