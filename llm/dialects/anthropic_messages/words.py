"""What reading and writing of a messages request share: the dialect's own name, JSON objects, marks of the cache."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import OBJECT, Fields
from llm.dialects.grammar import Body
from llm.dialects.neutral import CacheMark
from llm.spec import Dialect

HOME: Final[Dialect] = "anthropic_messages"
MAX_MARKS: Final = 4
UNSUPPORTED: Final = "is not supported here by this model's provider"


def need_object(fields: Fields, name: str) -> msgspec.Raw:
    """The JSON text of an object, as it came."""
    raw = fields.carry(name, OBJECT)
    if raw is None:
        raise fields.wrong(name, "is required")
    return raw


class Marks:
    """Writes the marks of one request, in the order tools, system, messages. Anthropic takes at most four of them,
    and none for an hour behind one for five minutes: that one is written as the shorter.
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching
    """

    def __init__(self, lost: dict[str, None]) -> None:
        self._lost = lost
        self._put = 0
        self._short = False

    def put(self, block: Body, mark: CacheMark | None) -> Body:
        """The block, with the mark where there is one and room for it."""
        if mark is None:
            return block
        if self._put == MAX_MARKS:
            self._lost["cache_control"] = None
            return block
        self._put += 1
        if mark == "1h" and self._short:
            self._lost["cache_control"] = None
        self._short = self._short or mark == "5m"
        control: Body = {"type": "ephemeral"} if self._short else {"type": "ephemeral", "ttl": "1h"}
        return {**block, "cache_control": control}
