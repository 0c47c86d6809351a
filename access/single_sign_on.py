"""Users from an OpenID provider: only imported where the extra `requirements-oidc.txt` is installed and configured.

A user is found by issuer and subject, which never change, and not by a name or an address: whoever the provider calls
`admin` does not become the local one. The claim's groups decide at every login which of the mapped groups they are in;
without any, the login is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, User
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db import transaction
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from access import services
from access.backends import ScopedPermissions
from access.models import SingleSignOn

log = logging.getLogger(__name__)
Claims = Mapping[str, Any]


class Backend(ScopedPermissions, OIDCAuthenticationBackend):
    get_user = ModelBackend.get_user  # which does not know users who were switched off

    def authenticate(self, request: Any, **kwargs: Any) -> User | None:
        try:
            return super().authenticate(request, **kwargs)
        except requests.RequestException as error:
            log.warning("the OpenID provider did not answer as it should", extra={"error": type(error).__name__})
            return None

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Besides signature, time and nonce: it is from our provider, and for us."""
        try:
            payload: dict[str, Any] = super().verify_token(token, **kwargs)
        except jwt.PyJWTError as error:  # an expired one, which the package lets through as an error of ours
            raise SuspiciousOperation("The token does not hold.") from error
        audience = payload.get("aud")
        if payload.get("iss") != settings.OIDC_OP_ISSUER:
            raise SuspiciousOperation("The token is of another issuer.")
        if settings.OIDC_RP_CLIENT_ID not in (audience if isinstance(audience, list) else [audience]):
            raise SuspiciousOperation("The token is for another client.")
        return payload

    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> User | None:
        told = self.get_userinfo(access_token, id_token, payload)
        if not payload.get("sub") or told.get("sub") != payload["sub"]:
            raise SuspiciousOperation("The user's data are about somebody else.")
        return user_of({**payload, **told})


def user_of(claims: Claims) -> User | None:
    """The user with these claims, made where there was none, in the groups that the claims say; None: refused."""
    groups = _groups(claims)
    if not groups:
        log.warning("a login by OpenID was refused: none of the groups is mapped", extra={"subject": claims["sub"]})
        return None
    identity = {"issuer": settings.OIDC_OP_ISSUER, "subject": str(claims["sub"])}
    with transaction.atomic():
        known = SingleSignOn.objects.select_related("user").filter(**identity).first()
        user = known.user if known is not None else _new(claims)
        if user is None:
            return None
        if known is None:
            SingleSignOn.objects.create(user=user, **identity)
        _put_into(user, groups)
    return user


def _new(claims: Claims) -> User | None:
    name = claims.get(settings.OIDC_USERNAME_CLAIM)
    if not isinstance(name, str) or not name:
        log.warning("a login by OpenID was refused: the claim of the user's name is missing")
        return None
    if settings.OIDC_USERNAME_CLAIM == "email" and claims.get("email_verified") is False:
        log.warning("a login by OpenID was refused: the address is not verified")
        return None
    try:
        return services.create_user(username=name, password=None)
    except ValidationError as error:  # taken by a local user, or no name for one
        log.warning("a login by OpenID was refused", extra={"problem": "; ".join(error.messages)})
        return None


def _groups(claims: Claims) -> set[str]:
    said = claims.get(settings.OIDC_GROUPS_CLAIM, [])
    values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return {settings.OIDC_GROUPS[value] for value in values if isinstance(value, str) and value in settings.OIDC_GROUPS}


def _put_into(user: User, groups: set[str]) -> None:
    """Groups that no claim is mapped to were given here, and stay."""
    mapped = Group.objects.filter(name__in=set(settings.OIDC_GROUPS.values()))
    user.groups.remove(*[group for group in mapped if group.name not in groups])
    user.groups.add(*[group for group in mapped if group.name in groups])
