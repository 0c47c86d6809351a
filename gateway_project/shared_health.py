"""What processes know of health, shared over Redis: `llm.policies.board_share` with a real client."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from llm.policies.board import Board
from llm.policies.board_share import PREFIX, BoardShare

_SECONDS = 1.0  # for connecting, and for an answer
_STILL_THERE_SECONDS = 5
_ERRORS = (redis.RedisError, OSError, ValueError)  # the last where an answer is no text


def share_of(board: Board, redis_url: str, *, prefix: str = PREFIX) -> BoardShare:
    """Joined with the board, not yet started."""

    def connect() -> Any:
        return redis.Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            health_check_interval=_STILL_THERE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    share = BoardShare(board, connect, errors=_ERRORS, prefix=prefix)
    board.join(share)
    return share
