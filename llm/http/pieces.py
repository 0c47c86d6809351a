"""An answer of a surface on its way to the caller, piece by piece: speech, pictures, events of their own kind."""

from __future__ import annotations

import asyncio
import logging

from llm.errors import GatewayError, InternalError
from llm.http import reply
from llm.http.exchange import Exchange, Leaving
from llm.service import Call, StreamReply

logger = logging.getLogger(__name__)


async def relay(exchange: Exchange, call: Call, answer: StreamReply, leaving: Leaving) -> None:
    """Bytes have no place for an error: an answer that fails under way is not finished, and the server cuts the
    connection. A caller never takes half a sound for a whole one."""
    error: GatewayError | None = None
    try:
        await exchange.start(200, [reply.typed(answer.relayed_as), *reply.headers(exchange, "openai_chat")])
        async for piece in answer:
            await exchange.piece(piece)
    except asyncio.CancelledError:
        if leaving.left:
            raise
        error = call.interrupted()
    except GatewayError as raised:
        error = raised
    except OSError:
        return  # some servers tell of a caller that has left only here
    except Exception:  # the door: whatever it is, the caller must not take it for the end
        logger.exception("a relayed answer failed unexpectedly", extra={"call_id": call.call_id})
        error = InternalError("The gateway failed.")
    finally:
        await answer.aclose(error)
    if error is None:
        await exchange.finish()
