"""The Celery door: services submit `llm.generate` by name, without this code, and get the endpoint's own answer.

A failed call fails the task: the stored result names the class of `llm.errors` and holds (message, code, retryable).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from celery import shared_task

from llm import prices, service, sync
from llm.errors import InvalidRequest
from llm.http import calls
from llm.http.calls import Door
from llm.service import Call, Reply
from llm.spec import Request

_DOORS: Final[Mapping[str, Door]] = {
    door.endpoint: door
    for door in (calls.CHAT, calls.RESPONSES, calls.MESSAGES, calls.SURFACES["/v1/embeddings"])
    if isinstance(door, Door)
}
_MOST_METADATA: Final = 16
_LONGEST: Final = 256
_LONGEST_USER: Final = 512
_LONGEST_SECONDS: Final = 86_400


# A worker that dies has not acknowledged the task, so the broker delivers it again.
@shared_task(name="llm.generate", bind=True, acks_late=True, reject_on_worker_lost=True)  # type: ignore[untyped-decorator]  # reason: Celery has no types
def generate(
    self: Any,
    *,
    body: dict[str, Any],
    endpoint: str = "chat/completions",
    project: str = "default",
    metadata: dict[str, Any] | None = None,
    request_id: str = "",
    session: str = "",
    timeout_seconds: float | None = None,
    **_: Any,
) -> dict[str, Any]:
    """`body` is that of the endpoint (`chat/completions`, `responses`, `messages`, `embeddings`), without `stream`.
    `metadata` becomes tags of the call's record. `request_id` is the caller's label of it, else the task's id is.
    `session` is whom the affinity of a route keeps together, `timeout_seconds` what the call may take once it is begun.
    Further arguments are ignored.

    Answers `{"response": {...}, "gateway": {...}}`; raises a GatewayError for whatever goes wrong with the call.
    """

    async def read() -> Request:
        """Inside the call, so that a task with a wrong body leaves a record too."""
        door = _door(body, endpoint)
        request = door.parse(msgspec.json.encode(body), {})
        call.end_user = door.end_user(request)[:_LONGEST_USER]
        return request

    call = Call(
        endpoint=endpoint if isinstance(endpoint, str) and endpoint in _DOORS else "task",
        request=read,
        project=project if isinstance(project, str) else "",
        request_id=_label(request_id) or str(self.request.id or ""),
        tags=_tags(metadata),
        session=session if isinstance(session, str) and len(session) <= _LONGEST else "",
        timeout=_seconds(timeout_seconds),
    )
    return _told(call, sync.run(service.current().complete(call)))


def _door(body: object, endpoint: object) -> Door:
    door = _DOORS.get(endpoint) if isinstance(endpoint, str) else None
    if door is None:
        raise InvalidRequest(f"The endpoint must be one of: {', '.join(_DOORS)}.", param="endpoint")
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be an object.", param="body")
    if body.get("stream"):
        raise InvalidRequest("A task has no stream: leave the field 'stream' out.", param="stream")
    return door


def _label(value: object) -> str:
    """As x-request-id: 1 to 128 visible ASCII characters, else nothing."""
    fits = isinstance(value, str) and 0 < len(value) <= 128 and all("!" <= one <= "~" for one in value)
    return str(value) if fits else ""


def _seconds(value: object) -> float | None:
    """As x-gateway-timeout-ms: no more than a day; what is no such number is none."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_SECONDS
    return float(value) if fits and isinstance(value, int | float) else None


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
            "usage": msgspec.structs.asdict(reply.usage),
            "cost_usd": None if info.cost_nano_usd is None else float(prices.in_usd(info.cost_nano_usd)),
            "revision": info.revision,
        },
    }
