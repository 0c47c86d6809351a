"""What beat does: the gateway's own housekeeping."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.core.management import call_command


@shared_task(name="gateway.clear_sessions")
def clear_sessions(**_: Any) -> None:
    """Removes the sessions of the admin that have expired."""
    call_command("clearsessions")
