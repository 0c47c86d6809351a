"""What every view of the management API shares: rights, pages, errors, and one change set a request."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from rest_framework import exceptions, pagination, permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler as drf_exception_handler

from audit import source
from audit.api.permissions import ModelPermissions
from audit.errors import Duplicate, InUse
from audit.history import change_set

__all__ = [
    "ChangeSetMixin",
    "Conflict",
    "ModelPermissions",
    "Pagination",
    "StrictFields",
    "exception_handler",
]
LONGEST_REASON = 1000


class Conflict(exceptions.APIException):
    """409: the object exists, or something still uses it. `detail` is {field: [what is wrong]}."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Pagination(pagination.PageNumberPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class StrictFields(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know, instead of dropping them silently.

    `ignored_fields` are accepted and not used (fields of answers that clients send back, `reason`).
    """

    ignored_fields: frozenset[str] = frozenset({"reason"})

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            answered = {name for name, field in self.fields.items() if field.read_only}
            unknown = set(data) - known - answered - self.ignored_fields
            if unknown:
                raise serializers.ValidationError({name: ["There is no such field."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class ChangeSetMixin:
    """Opens one change set for a writing request: origin `rest`, the caller as actor, `reason` or `x-change-reason`."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method in permissions.SAFE_METHODS:
            return super().dispatch(request, *args, **kwargs)
        with source.use(origin="rest"):
            return super().dispatch(request, *args, **kwargs)

    def write(self, request: Request, *, reason: str = "") -> Any:
        """The change set of this request, for the one service call of a view. `reason` stands where the caller gives
        none. 400 where one is required (LLM_GATEWAY_REQUIRE_REASON) or it is no text that can be kept."""
        given = reason_of(request)
        if not given and settings.REQUIRE_REASON:
            raise exceptions.ValidationError({"reason": ["It is required: say it here or in x-change-reason."]})
        return change_set(actor=request.user.get_username(), user=request.user, reason=given or reason)


def reason_of(request: Request) -> str:
    """`reason` of the body, else the header `x-change-reason` (UTF-8); empty where neither is said."""
    body = request.data.get("reason") if isinstance(request.data, dict) else None
    if body is not None and not isinstance(body, str):
        raise exceptions.ValidationError({"reason": ["It must be a text."]})
    header = request.headers.get("x-change-reason", "").encode("latin-1", "replace").decode("utf-8", "replace")
    reason = (body or "").strip() or header.strip()
    if len(reason) > LONGEST_REASON or re.search("[\x00\ud800-\udfff]", reason):
        raise exceptions.ValidationError({"reason": [f"It has at most {LONGEST_REASON} characters, and no NUL."]})
    return reason


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Errors of services and of the database in DRF's form; nothing of SQL reaches the caller."""
    if isinstance(error, (Duplicate, InUse)):
        error = Conflict(as_serializer_error(error))
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(as_serializer_error(error))
    elif isinstance(error, IntegrityError):
        error = Conflict({"non_field_errors": ["This object exists already, or another one still needs it."]})
    return drf_exception_handler(error, context)
