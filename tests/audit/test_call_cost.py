"""The cost of a call on its way from the record to /calls."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from audit import call_store
from audit.models import Call
from llm.observe import call_id as call_ids
from llm.observe.record import CallRecord
from llm.prices import MOST_COST

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("cost", [None, 0, 1, MOST_COST])
def test_a_stored_call_keeps_its_cost(cost: int | None) -> None:
    record = CallRecord(
        call_id=call_ids.new(), request_id="r", created_at=1_900_000_000.0, endpoint="messages", cost_nano_usd=cost
    )
    assert call_store.insert([record]) == 1
    assert Call.objects.get().cost_nano_usd == cost
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("root"))
    answer: Any = client.get(f"/calls/{uuid.UUID(record.call_id)}").json()
    assert (answer["cost_nano_usd"], type(answer["cost_nano_usd"])) == (cost, type(cost))
