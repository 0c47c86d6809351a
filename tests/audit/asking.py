"""Asking the management API for reverts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

Role = Callable[[str], APIClient]


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.json()
    return answer.json()


def plan(client: APIClient, path: str, **body: Any) -> dict[str, Any]:
    return made(client.post(path, body))


def apply(client: APIClient, path: str, **body: Any) -> dict[str, Any]:
    """Asks for the plan and carries it out."""
    planned = plan(client, path, **body)
    return made(client.post(path, {**body, "dry_run": False, "plan_hash": planned["plan_hash"]}))
