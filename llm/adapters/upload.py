"""A form on its way to a provider: whole, or with a rest that is still on its way from the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator

from llm.spec import Form, Rest
from llm.transport.base import Stream


def body_of(form: Form, model: str) -> bytes | Stream:
    """The form with this model in it."""
    head = b"".join((form.before, model.encode(), form.after))
    return head if form.rest is None else _Upload(head, form.rest)


class _Upload:
    """See `llm.transport.base.Stream`. What is here already goes first, the caller's rest as it comes."""

    def __init__(self, head: bytes, rest: Rest) -> None:
        self.length = None if rest.length is None else len(head) + rest.length
        self._head = head
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(self._head, aiter(self._rest))


class _Pieces:
    """No generator: one that is left in the middle would have to be cleaned up by the loop."""

    __slots__ = ("_head", "_rest")

    def __init__(self, head: bytes, rest: AsyncIterator[bytes]) -> None:
        self._head = head
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return await anext(self._rest)
