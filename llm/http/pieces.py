"""A streamed answer on its way to the caller: how it ends, and the one that is passed on piece by piece as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from llm.errors import CallCancelled, GatewayError, InternalError
from llm.http import reply
from llm.http.exchange import Exchange
from llm.service import Call, StreamReply

logger = logging.getLogger(__name__)


async def ended(exchange: Exchange, sending: Awaitable[None], call: Call, answer: StreamReply) -> GatewayError | None:
    """Awaits `sending` and settles the call. What went wrong under way, None after a whole answer, CallCancelled where
    nobody reads on; a caller that leaves by the watch's word cancels it."""
    error: GatewayError | None = None
    try:
        await sending
    except asyncio.CancelledError:
        if exchange.left:
            raise
        error = call.interrupted()
    except GatewayError as raised:
        error = raised
    except OSError:
        error = CallCancelled("The caller left.")  # some servers tell of it only here
    except Exception:  # the door: whatever it is, the caller must not take it for the end
        logger.exception("a stream failed unexpectedly", extra={"call_id": call.call_id})
        error = InternalError("The gateway failed.")
    finally:
        await answer.aclose(error)
    try:
        return error
    finally:
        del error  # by its traceback it would hold itself


async def relay(exchange: Exchange, call: Call, answer: StreamReply) -> None:
    """Sound, pictures, events of their own kind. Bytes have no place for an error: an answer that fails under way is
    not finished, and the server cuts the connection. A caller never takes half a sound for a whole one."""

    async def send() -> None:
        await exchange.start(200, reply.typed(answer.relayed_as) + reply.lines(exchange, "openai_chat"))
        async for piece in answer:
            await exchange.piece(piece)

    if await ended(exchange, send(), call, answer) is None:
        await exchange.finish()
