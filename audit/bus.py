"""Tells other processes of a new revision: Redis pub/sub where there is Redis. Polling finds it in any case, so a
Redis that is down delays a change, and never fails it."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

CHANNEL = "llm_gateway:revision"
log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def client(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)


def publish(revision: int) -> None:
    if not settings.REDIS_URL:
        return
    try:
        client(settings.REDIS_URL).publish(CHANNEL, revision)
    except redis.RedisError:
        log.warning("revision not published; processes find it by polling", extra={"revision": revision})
