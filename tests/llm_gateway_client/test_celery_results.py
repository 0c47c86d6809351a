"""What may be stored as a task's result, and what the client makes of it; a real Redis, and no worker."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
import redis

from llm_gateway_client import ErrorDetails, InterventionContext, LLMConfig, LLMGatewayClient, LLMRequest
from tests.support.eventually import eventually

QUEUE = "nobody-reads-it"
ASK = LLMRequest(
    "Hello", LLMConfig("m", timeout_seconds=20), InterventionContext(session_id="s-1"), request_id="label-1"
)
FAILED = {"exc_type": "UpstreamFailed", "exc_module": "llm.errors"}


def stored(status: str, result: object) -> dict[str, Any]:
    return {"status": status, "result": result, "traceback": None, "children": []}


async def answered(url: str, meta: dict[str, Any]) -> ErrorDetails:
    """What a call tells once this is the result of its task."""
    with redis.Redis.from_url(url) as store:

        def store_result() -> dict[str, Any]:
            (message,) = eventually(lambda: store.lrange(QUEUE, 0, -1))
            task_id = json.loads(message)["headers"]["id"]
            store.set(f"celery-task-meta-{task_id}", json.dumps({**meta, "task_id": task_id}))
            store.delete(QUEUE)
            sent: dict[str, Any] = json.loads(message)
            return sent

        async with LLMGatewayClient(broker_url=url, queue=QUEUE) as client:
            calling = asyncio.create_task(client.generate(ASK))
            sent = await asyncio.to_thread(store_result)
            found = (await calling).error_details
    assert sent["headers"]["task"] == "llm.generate" and sent["headers"]["expires"]
    assert sent["properties"]["delivery_info"]["routing_key"] == QUEUE
    _, kwargs, _ = json.loads(base64.b64decode(sent["body"]))
    assert (kwargs["session"], kwargs["metadata"]) == ("s-1", {"session_id": "s-1"})
    assert 19 < kwargs["timeout_seconds"] <= 20
    assert found is not None and found.request_id == "label-1"
    return found


async def test_a_broker_that_is_full_is_told(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as store:
        store.config_set("maxmemory", "1")
        try:
            async with LLMGatewayClient(broker_url=redis_url, queue=QUEUE, max_retries=0) as client:
                health = await client.health_check()
                found = (await client.generate(ASK)).error_details
        finally:
            store.config_set("maxmemory", "0")
    assert (health["healthy"], health["door"]) == (False, "celery")
    assert "cannot be reached" in health["error"]
    assert found is not None and found.code == "connection_failed"


@pytest.mark.parametrize(
    ("meta", "code", "source"),
    [
        (
            stored("FAILURE", {**FAILED, "exc_message": ["It failed.", "upstream_error", True]}),
            "upstream_error",
            "provider",
        ),
        (stored("FAILURE", {"exc_type": "WorkerLostError", "exc_message": ["exit 9"]}), "internal_error", "gateway"),
        (stored("FAILURE", {"exc_type": "E", "exc_message": "text"}), "internal_error", "gateway"),
        (stored("FAILURE", None), "internal_error", "gateway"),
        (
            stored("REVOKED", {"exc_type": "TaskRevokedError", "exc_message": ["expired"]}),
            "upstream_timeout",
            "gateway",
        ),
        (stored("SUCCESS", 7), "upstream_error", "client"),
        (stored("SUCCESS", {"response": {}, "gateway": 7}), "upstream_error", "client"),
    ],
    ids=["ours", "lost worker", "text", "nothing", "revoked", "no object", "no answer"],
)
async def test_results(redis_url: str, meta: dict[str, Any], code: str, source: str) -> None:
    found = await answered(redis_url, meta)
    assert (found.code, found.source) == (code, source)


async def test_a_task_that_is_given_up_is_revoked(redis_url: str) -> None:
    """Before it has begun: the workers hear of it."""
    with redis.Redis.from_url(redis_url) as store, store.pubsub() as heard:
        heard.psubscribe("*")
        async with LLMGatewayClient(broker_url=redis_url, queue=QUEUE) as client:
            calling = asyncio.create_task(client.generate(ASK))
            (message,) = await asyncio.to_thread(eventually, lambda: store.lrange(QUEUE, 0, -1))
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            task_id = json.loads(message)["headers"]["id"]
            await asyncio.to_thread(eventually, lambda: _revoked(heard, task_id))
        store.delete(QUEUE)


def _revoked(heard: Any, task_id: str) -> bool:
    message = heard.get_message()
    if message is None or message["type"] != "pmessage":
        return False
    return b"pidbox" in message["channel"] and b"body" in message["data"] and _names(message["data"], task_id)


def _names(data: bytes, task_id: str) -> bool:
    body = json.loads(base64.b64decode(json.loads(data)["body"]))
    return body["method"] == "revoke" and body["arguments"]["task_id"] == task_id
