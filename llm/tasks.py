"""The Celery door: services submit `llm.generate` by name, without this code, and get the endpoint's own answer.

A failed call fails the task: the stored result names the class of `llm.errors` and holds (message, code, retryable).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec
from celery import shared_task

from llm import prices, service, sync
from llm.errors import InvalidRequest
from llm.http import calls
from llm.http.calls import Door
from llm.service import Call, Reply
from llm.spec import Request

_DOORS: Final[Mapping[str, Door]] = {door.endpoint: door for door in (calls.CHAT, calls.MESSAGES)}
_MOST_METADATA: Final = 16
_LONGEST: Final = 256


# A worker that dies has not acknowledged the task, so the broker delivers it again.
@shared_task(name="llm.generate", bind=True, acks_late=True, reject_on_worker_lost=True)  # type: ignore[untyped-decorator]  # reason: Celery has no types
def generate(
    self: Any,
    *,
    body: dict[str, Any],
    endpoint: str = "chat/completions",
    project: str = "default",
    metadata: dict[str, Any] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """`body` is that of the endpoint (`chat/completions`, `messages`), without `stream`. `metadata` becomes tags of
    the call's record, and the task's id its request id. Further arguments are ignored.

    Answers `{"response": {...}, "gateway": {...}}`; raises a GatewayError for whatever goes wrong with the call.
    """
    call = Call(
        endpoint=endpoint if endpoint in _DOORS else "task",
        request=_reader(body, endpoint),
        project=project if isinstance(project, str) else "",
        request_id=str(self.request.id or ""),
        tags=_tags(metadata),
    )
    return _told(call, sync.run(service.current().complete(call)))


def _reader(body: object, endpoint: object) -> Any:
    """Read inside the call, so that a task with a wrong body leaves a record too."""

    async def read() -> Request:
        door = _DOORS.get(endpoint) if isinstance(endpoint, str) else None
        if door is None:
            raise InvalidRequest(f"The endpoint must be one of: {', '.join(_DOORS)}.", param="endpoint")
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be an object.", param="body")
        if body.get("stream"):
            raise InvalidRequest("A task has no stream: leave the field 'stream' out.", param="stream")
        return door.parse(msgspec.json.encode(body), {})

    return read


def _tags(metadata: object) -> dict[str, str]:
    """InvalidRequest would have no call to belong to here, so what is no tag is left out."""
    if not isinstance(metadata, dict):
        return {}
    pairs = list(metadata.items())[:_MOST_METADATA]
    return {str(name)[:_LONGEST]: str(value)[:_LONGEST] for name, value in pairs}


def _told(call: Call, reply: Reply) -> dict[str, Any]:
    info = reply.info
    return {
        "response": msgspec.json.decode(reply.body),
        "gateway": {
            "call_id": call.call_id,
            "request_id": call.request_id,
            "provider": info.provider,
            "model": info.model,
            "attempts": info.attempts,
            "usage": asdict(reply.usage),
            "cost_usd": None if info.cost_nano_usd is None else float(prices.in_usd(info.cost_nano_usd)),
            "revision": info.revision,
        },
    }
