"""Two providers with all that belongs to one, and users who are limited to the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from access import services
from providers import services as provider_services
from providers.models import Provider
from tests.rights import world as everything
from tests.support.installed_gateway import installed

MINE, OTHER = "mine", "other"


def provider(name: str) -> Provider:
    return provider_services.create_provider(
        provider_id=name,
        provider_type="openai",
        api_key={"key_value": f"sk-of-{name}-0123456789abcdef"},
        connection_params={"timeout_seconds": 30},
        models=[{"model_id": "gpt-4o"}, {"model_id": "gpt-4.1"}],
    )


@pytest.fixture
def two(db: Any) -> None:
    """The providers `mine` and `other`, and the routes `own`, `mixed` and `theirs`."""
    for name in (MINE, OTHER):
        provider(name)
    provider_services.create_route(name="own", targets=[{"model": "mine/gpt-4o"}])
    provider_services.create_route(
        name="mixed", targets=[{"model": "mine/gpt-4o"}], fallbacks=[{"model": "other/gpt-4o"}]
    )
    provider_services.create_route(name="theirs", targets=[{"model": "other/gpt-4o"}])


@pytest.fixture
def limited(two: None) -> Callable[..., User]:
    """limited("operator", may_change=True): a user of that group, limited to `mine`."""

    def make(group: str, *, may_change: bool = False, name: str = "lim") -> User:
        user = services.create_user(username=name, password=None, groups=[group])
        services.create_grant(user=user, provider=MINE, may_change=may_change)
        return user

    return make


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """One of everything, of a provider `other`, and a Gateway for what the control plane calls itself."""
    settings.CONFIG_PATH = tmp_path / "gateway_config.yaml"  # which `sync` writes
    with installed():
        yield everything.made()
