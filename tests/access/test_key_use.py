from __future__ import annotations

from datetime import UTC, datetime

import pytest

from access import services
from access.models import ProjectKey, ProjectKeyState
from audit import history
from llm.observe.record import CallRecord

pytestmark = pytest.mark.django_db


def record(key: str, second: float) -> CallRecord:
    return CallRecord(call_id="c", request_id="r", created_at=second, endpoint="chat/completions", key=key)


def at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_the_latest_use_is_kept_in_whatever_order_records_come(project):
    key, _ = services.create_key(project=project, name="a")
    before = history.revision()
    services.note_key_use([record(key.key_id, 20), record(key.key_id, 30), record(key.key_id, 10)])
    assert ProjectKeyState.objects.get().last_used_at == at(30)
    services.note_key_use([record(key.key_id, 25)])
    assert ProjectKeyState.objects.get().last_used_at == at(30)
    services.note_key_use([record(key.key_id, 40)])
    assert ProjectKeyState.objects.get().last_used_at == at(40)
    assert history.revision() == before


def test_calls_without_a_key_and_of_keys_that_are_gone_are_left_out(project):
    key, _ = services.create_key(project=project, name="a")
    services.note_key_use([])
    services.note_key_use([record("", 10), record("key-gone", 10)])
    assert not ProjectKeyState.objects.exists()
    services.note_key_use([record(key.key_id, 10)])
    ProjectKey.objects.get().delete()
    services.note_key_use([record(key.key_id, 20)])
    assert not ProjectKeyState.objects.exists()
