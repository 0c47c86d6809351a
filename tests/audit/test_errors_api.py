"""Errors of services as the management API answers them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from audit.api.base import exception_handler
from audit.errors import Duplicate, InUse


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Duplicate({"slug": ["taken"]}), 409, {"slug": ["taken"]}),
        (InUse({"non_field_errors": ["used by route:fast"]}), 409, {"non_field_errors": ["used by route:fast"]}),
        (ValidationError({"slug": ["wrong"]}), 400, {"slug": ["wrong"]}),
        (ValidationError("wrong"), 400, {"non_field_errors": ["wrong"]}),
    ],
)
def test_service_errors(error: Exception, status: int, body: dict[str, Any]) -> None:
    answer = exception_handler(error, {})
    assert answer is not None
    assert (answer.status_code, answer.data) == (status, body)


def test_an_error_of_the_database_tells_nothing_of_it() -> None:
    answer = exception_handler(IntegrityError("UNIQUE constraint failed: access_project.slug"), {})
    assert answer is not None
    assert answer.status_code == 409
    assert "access_project" not in str(answer.data)


def test_an_unknown_error_is_not_swallowed() -> None:
    assert exception_handler(ZeroDivisionError(), {}) is None
