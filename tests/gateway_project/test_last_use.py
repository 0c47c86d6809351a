"""The records of calls tell when keys were last used; the time never goes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from access import services as access
from access.models import ProjectKeyState
from gateway_project.wiring import note_use
from llm.observe import call_id
from llm.observe.record import CallRecord
from providers import services as providers
from providers.models import ApiKey, ApiKeyState

pytestmark = pytest.mark.django_db


def record(created_at: float, **fields: str) -> CallRecord:
    return CallRecord(call_id=call_id.new(), request_id="r", created_at=created_at, endpoint="messages", **fields)


def test_a_batch_notes_the_newest_use_and_never_goes_back() -> None:
    project = access.create_project(slug="one")
    key, _ = access.create_key(project=project, name="k")
    body = {
        "provider_id": "p",
        "display_name": "P",
        "provider_type": "openai",
        "api_key": {"key_value": "sk-" + "a" * 40},
    }
    providers.create_provider(**body)
    stored = ApiKey.objects.get()
    used = {"key": key.key_id, "provider": "p", "provider_key": stored.key_id}
    note_use([record(100.0, **used), record(300.0, **used), record(200.0, **used), record(900.0, key="gone")])
    note_use([record(150.0, **used)])
    newest = datetime.fromtimestamp(300.0, tz=UTC)
    assert ProjectKeyState.objects.get(project_key=key).last_used_at == newest
    assert ApiKeyState.objects.get(api_key=stored).last_used_at == newest
