"""OpenID Connect: in force where `LLM_GATEWAY_OIDC_CLIENT_ID` is set (docs/single-sign-on.md).

The endpoints are said one by one, so that a start asks no other machine.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from gateway_project.settings import environment

ENDPOINTS = ("AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT", "USER_ENDPOINT", "JWKS_ENDPOINT")
NEEDED = ("ISSUER", "CLIENT_SECRET", "GROUPS", *ENDPOINTS)
APP, BACKEND = "mozilla_django_oidc", "access.single_sign_on.Backend"


def active() -> bool:
    return bool(environment.text("OIDC_CLIENT_ID"))


def settings() -> dict[str, Any]:
    """Django's settings of it; none where it is off. ImproperlyConfigured where something is missing."""
    if not active():
        return {}
    missing = [f"{environment.PREFIX}OIDC_{name}" for name in NEEDED if not environment.text(f"OIDC_{name}")]
    if missing:
        raise ImproperlyConfigured(f"Single sign-on also needs {', '.join(missing)}.")
    if find_spec(APP) is None:
        raise ImproperlyConfigured("Single sign-on needs: .venv/bin/pip install -r requirements-oidc.txt")
    return {
        "OIDC_OP_ISSUER": environment.text("OIDC_ISSUER"),
        "OIDC_OP_AUTHORIZATION_ENDPOINT": environment.text("OIDC_AUTHORIZATION_ENDPOINT"),
        "OIDC_OP_TOKEN_ENDPOINT": environment.text("OIDC_TOKEN_ENDPOINT"),
        "OIDC_OP_USER_ENDPOINT": environment.text("OIDC_USER_ENDPOINT"),
        "OIDC_OP_JWKS_ENDPOINT": environment.text("OIDC_JWKS_ENDPOINT"),
        "OIDC_RP_CLIENT_ID": environment.text("OIDC_CLIENT_ID"),
        "OIDC_RP_CLIENT_SECRET": environment.text("OIDC_CLIENT_SECRET"),
        "OIDC_RP_SIGN_ALGO": environment.text("OIDC_SIGN_ALGORITHM", "RS256"),
        "OIDC_RP_SCOPES": environment.text("OIDC_SCOPES", "openid email profile"),
        "OIDC_USERNAME_CLAIM": environment.text("OIDC_USERNAME_CLAIM", "email"),
        "OIDC_GROUPS_CLAIM": environment.text("OIDC_GROUPS_CLAIM", "groups"),
        "OIDC_GROUPS": _groups(environment.items("OIDC_GROUPS")),
        "OIDC_USE_PKCE": True,
        "OIDC_TIMEOUT": 10,
        "LOGIN_REDIRECT_URL_FAILURE": "/admin/login/?single_sign_on=refused",
    }


def _groups(pairs: list[str]) -> dict[str, str]:
    """`staff=viewer,platform=admin`: of the claim's values to our groups."""
    found = {}
    for pair in pairs:
        theirs, equals, ours = (part.strip() for part in pair.rpartition("="))
        if not (theirs and equals and ours):
            name = f"{environment.PREFIX}OIDC_GROUPS"
            raise ImproperlyConfigured(f"{name} must be pairs as in staff=viewer, not {pair!r}.")
        found[theirs] = ours
    return found
