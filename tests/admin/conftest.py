from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access import roles, services
from providers import services as provider_services
from providers.models import Provider

SECRET = "sk-a-real-looking-secret-0123456789"


@pytest.fixture
def root(db: Any) -> User:
    return services.create_user(username="root", password=None, superuser=True)


@pytest.fixture
def admin(root: User) -> Client:
    """A superuser's browser."""
    client = Client(raise_request_exception=True)
    client.force_login(root)
    return client


@pytest.fixture
def viewer(db: Any) -> Client:
    roles.ensure_groups()
    client = Client()
    client.force_login(services.create_user(username="vera", password=None, groups=["viewer"]))
    return client


@pytest.fixture
def provider(db: Any) -> Provider:
    return provider_services.create_provider(
        provider_id="openai",
        provider_type="openai",
        api_key={"key_value": SECRET},
        connection_params={"api_base": "https://llm.example/v1", "timeout_seconds": 120},
        connection_parameters=[
            {"param_name": "extra_headers", "param_value": {"x-team": "hidden-value"}, "is_sensitive": True}
        ],
        models=[{"model_id": "gpt-4o"}],
    )
