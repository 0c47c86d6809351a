"""GET /v1/models and /v1/models/{id}: what this key may call, in OpenAI's shape, or in Anthropic's for its clients."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from llm.http import reply
from llm.http.exchange import Exchange
from llm.policies import route
from llm.service import Gateway
from llm.snapshot import Model, Route
from llm.spec import Dialect

_encode = msgspec.json.Encoder().encode


async def listing(exchange: Exchange, gateway: Gateway, dialect: Dialect) -> None:
    snapshot, caller = gateway.caller(exchange.head.headers)
    names = list(route.listed(snapshot, caller))
    data = [_entry(name, what, dialect) for name, what in names]
    body: dict[str, object] = {"object": "list", "data": data}
    if dialect == "anthropic_messages":
        first, last = (names[0][0], names[-1][0]) if names else (None, None)
        body = {"data": data, "has_more": False, "first_id": first, "last_id": last}
    await reply.send_json(exchange, dialect, _encode(body))


async def single(exchange: Exchange, gateway: Gateway, dialect: Dialect, name: str) -> None:
    """ModelNotFound where this key may not use it, or it does not exist."""
    snapshot, caller = gateway.caller(exchange.head.headers)
    entry = _entry(name, route.usable(snapshot, caller, name), dialect)
    await reply.send_json(exchange, dialect, _encode(entry))


def _entry(name: str, what: Model | Route, dialect: Dialect) -> dict[str, object]:
    created = what.created if isinstance(what, Model) else 0
    if dialect == "anthropic_messages":
        display_name = (what.display_name if isinstance(what, Model) else "") or name
        created_at = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
        return {"type": "model", "id": name, "display_name": display_name, "created_at": created_at}
    owner = what.provider_id if isinstance(what, Model) else "llm-gateway"
    return {"id": name, "object": "model", "created": created, "owned_by": owner}
