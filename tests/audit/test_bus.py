"""A new revision is published where there is a Redis; a Redis that is away fails no change."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from access.models import Project
from audit import bus, history


@pytest.mark.django_db(transaction=True)
def test_a_committed_revision_is_published(settings: Any, redis_url: str) -> None:
    settings.REDIS_URL = redis_url
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(bus.CHANNEL)
        listener.get_message(timeout=5)  # the confirmation
        Project.objects.create(slug="one")
        heard = listener.get_message(timeout=10)
        assert heard is not None
        assert int(heard["data"]) == history.revision()


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_is_away_fails_no_change(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    project = Project.objects.create(slug="one")
    assert Project.objects.filter(pk=project.pk).exists()
    assert history.revision() == project.history.get().revision
