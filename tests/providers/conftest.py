"""A client of the management API with every right, and bodies as SEED.md has them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

SECRET = "sk-live-0123456789abcdefghij-WXYZ"


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_superuser("root", password="correct horse battery")


@pytest.fixture
def api(user: Any) -> APIClient:
    client = APIClient()
    client.default_format = "json"
    client.force_authenticate(user)
    return client


@pytest.fixture
def anthropic() -> dict[str, Any]:
    """SEED.md's body for POST /providers."""
    return {
        "provider_id": "anthropic",
        "display_name": "Anthropic",
        "provider_type": "anthropic",
        "description": "Anthropic Claude models",
        "enabled": True,
        "connection_params": {"api_base": "https://api.anthropic.com"},
        "models": [
            {
                "model_id": "claude-3-opus-20240229",
                "display_name": "Claude 3 Opus",
                "model_type": "chat",
                "context_window": 200000,
                "max_tokens": 4096,
            }
        ],
        "api_key": {"key_value": "your-api-key", "is_encrypted": True},
    }


@pytest.fixture
def openai(api: APIClient) -> dict[str, Any]:
    """A stored provider `openai` with a key whose value is SECRET."""
    body = {
        "provider_id": "openai",
        "display_name": "OpenAI",
        "provider_type": "openai",
        "models": [{"model_id": "gpt-4o"}],
        "api_key": {"key_value": SECRET},
    }
    answer = api.post("/providers", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()
