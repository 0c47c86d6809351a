"""Who calls the management API: a user, by a token `Authorization: Bearer gwadm-...`."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access import selectors
from access.credentials import PROJECT_KEY_PREFIX, USER_TOKEN_PREFIX
from access.models import UserToken, UserTokenState

NEEDED = f"a user token that begins with {USER_TOKEN_PREFIX} is needed"
USE_IS_NOTED_EVERY = timedelta(minutes=1)
log = logging.getLogger(__name__)


class UserTokenAuthentication(BaseAuthentication):
    """401 with one message for every token that does not serve; another one where a project key was sent."""

    def authenticate(self, request: Request) -> tuple[Any, UserToken] | None:
        words = get_authorization_header(request).decode("latin-1").split()
        if not words:
            return None
        if words[0].lower() != "bearer" or len(words) != 2:
            raise AuthenticationFailed(f"The header must be `Authorization: Bearer ...`; {NEEDED}.")
        token = _serving(words[1])
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """With it, DRF answers 401 and not 403."""
        return 'Bearer realm="LLM Gateway management"'


def _serving(text: str) -> UserToken:
    if text.startswith(PROJECT_KEY_PREFIX):
        raise AuthenticationFailed(f"This is a project key, which is for calls; {NEEDED}.")
    if not text.startswith(USER_TOKEN_PREFIX):
        raise AuthenticationFailed(f"This is no token of the gateway; {NEEDED}.")
    token = selectors.token_by_text(text)
    # One message for unknown, expired and disabled: a stranger learns nothing about which tokens exist.
    if token is None or selectors.credential_state(token) != "active" or not token.user.is_active:
        raise AuthenticationFailed("The token is not known, has expired, or is disabled.")
    return token


def _note_use(token: UserToken) -> None:
    now = timezone.now()
    last = selectors.last_used_at(token)
    if last is not None and now - last < USE_IS_NOTED_EVERY:
        return
    try:
        with transaction.atomic():
            # Untracked on purpose: use is no decision, and must not be a revision.
            UserTokenState.objects.update_or_create(token=token, defaults={"last_used_at": now})
    except DatabaseError:
        # A note that fails refuses nobody.
        log.warning("the use of a token was not noted", extra={"token_id": token.token_id})


class UserTokenScheme(OpenApiAuthenticationExtension):
    """The scheme's entry in /schema."""

    target_class = "access.api.authentication.UserTokenAuthentication"
    name = "userToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": f"{USER_TOKEN_PREFIX}..."}
