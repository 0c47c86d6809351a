"""Where a change comes from. Doors set it; change sets read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """`actor` is text that outlives the user; `user` is the Django user, if it is one; `origin` one of
    `ChangeSet.Origin`."""

    origin: str = "shell"
    actor: str = ""
    user: Any = None
    reason: str = ""
    request_id: str = ""
    ip: str | None = None
    user_agent: str = ""


_current: ContextVar[Source | None] = ContextVar("audit_source", default=None)


def current() -> Source:
    return _current.get() or Source()


@contextmanager
def use(**fields: Any) -> Iterator[Source]:
    """Names the source of all change sets opened inside; fields that are not given are kept from the outer one."""
    source = replace(current(), **fields)
    token = _current.set(source)
    try:
        yield source
    finally:
        _current.reset(token)
