from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from access import services
from access.models import Project


@pytest.fixture
def root(db: Any) -> User:
    return services.create_user(username="root", password=None, superuser=True)


@pytest.fixture
def api(root: User) -> APIClient:
    """A client of the management API with a superuser's token."""
    _, text = services.create_token(user=root, name="tests")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def project(db: Any) -> Project:
    return services.create_project(slug="search", name="Search", owner="Ann")
