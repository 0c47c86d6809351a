"""What the head of a request says. A program's calls differ in their bodies: it is read once for many of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.bodies import fields
from llm.http import wishes
from llm.policies.authenticate import Headers

_VISIBLE: Final = frozenset(map(chr, range(0x21, 0x7F)))
_SPOKEN: Final = (*fields.OPENAI_HEADERS, *fields.ANTHROPIC_HEADERS)


class Head:
    """`headers` have names in lower case; that of the body's length, which is another each time, may be missing.
    `label` is the caller's own id of the request, "" without one. `spoken` are the headers that may matter to a
    provider. `wishes`: does any of them wish something of the gateway?"""

    __slots__ = ("headers", "label", "path", "spoken", "wishes")

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        self.path = path
        self.headers = Headers(headers)
        self.label = _label(headers.get("x-request-id", ""))
        self.spoken = fields.passed_on(headers, _SPOKEN)
        self.wishes = any(name in headers for name in wishes.NAMES)


def _label(value: str) -> str:
    """The caller's own request id if it is 1 to 128 visible ASCII characters, else ""."""
    return value if len(value) <= 128 and _VISIBLE.issuperset(value) else ""
