"""People in front of the pages of the history, and a small configuration with a past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from rest_framework.test import APIClient

from access import roles, services
from audit import history
from audit.history import change_set
from providers import services as providers
from providers.models import Provider
from tests.audit.asking import Role, made

SECRET = "sk-live-0123456789abcdefghij-WXYZ"
As = Callable[[str], Client]


@pytest.fixture
def browser_of(db: Any) -> As:
    """A browser in which somebody of that group has logged in; "root" is a superuser."""
    roles.ensure_groups()

    def made(group: str) -> Client:
        given = {"superuser": True} if group == "root" else {"groups": [group]}
        client = Client()
        client.force_login(services.create_user(username=f"{group}-person", password=None, **given))
        return client

    return made


@pytest.fixture
def past(db: Any) -> Provider:
    """Revision 1 makes openai, 2 changes its model and its extra_body, 3 adds a route, 4 deletes its key."""
    provider = providers.create_provider(
        provider_id="openai",
        provider_type="openai",
        display_name="OpenAI",
        api_key={"key_value": SECRET},
        connection_params={"extra_body": {"top_k": 40, "seed": 7}},
        models=[{"model_id": "gpt-4o", "capabilities": ["tools", "vision"], "context_window": 1000}],
    )
    with change_set(origin="rest", actor="ci", reason="a larger window", request_id="request-of-ci"):
        providers.update_provider(
            provider=provider,
            models=[{"model_id": "gpt-4o", "capabilities": ["tools", "audio"], "context_window": 2000}],
            connection_params={"extra_body": {"top_k": 50, "seed": 7}},
        )
    providers.create_route(name="fast", targets=[{"model": "openai/gpt-4o"}])
    providers.delete_key(key=provider.api_keys.get())
    return provider


@pytest.fixture
def role(db: None) -> Role:
    """A client of the management API whose user is in the group of that name; "" for none."""

    def client(name: str) -> APIClient:
        roles.ensure_groups()
        user = get_user_model().objects.create_user(f"{name or 'nobody'}-{get_user_model().objects.count()}")
        if name:
            user.groups.add(Group.objects.get(name=name))
        asking = APIClient()
        asking.default_format = "json"
        asking.force_authenticate(user)
        return asking

    return client


@pytest.fixture
def api(db: None) -> APIClient:
    """A client of the management API with every right."""
    user = get_user_model().objects.create_superuser("root", password="correct horse battery")
    client = APIClient()
    client.default_format = "json"
    client.force_authenticate(user)
    return client


@pytest.fixture
def configured(api: APIClient) -> int:
    """A provider with two models and a key, a route and a project; the revision that they stand at."""
    body = {
        "provider_id": "openai",
        "provider_type": "openai",
        "display_name": "OpenAI",
        "connection_params": {"api_base": "https://api.openai.com/v1"},
        "models": [{"model_id": "gpt-4o", "max_tokens": 100}, {"model_id": "o1"}],
        "api_key": {"key_value": SECRET},
    }
    made(api.post("/providers", body))
    made(api.post("/routes", {"name": "fast", "targets": [{"model": "openai/gpt-4o"}]}))
    made(api.post("/projects", {"slug": "search", "name": "Search", "default_route": "fast"}))
    return history.revision()
