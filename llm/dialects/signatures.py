"""Signatures of one provider inside another dialect, on their way to the caller and back.

A provider takes its own signed thinking back only as it gave it; the caller keeps it in the dialect in which it calls.
There the signature is written with its origin in front, `gw1.<origin>.<signature>`, and read back into its parts. In
its own dialect it stands as it is.
"""

from __future__ import annotations

from typing import Final, get_args

from llm.spec import Dialect

_MARK: Final = "gw1."
_DIALECTS: Final[frozenset[str]] = frozenset(get_args(Dialect))


def outward(signature: str, origin: Dialect | None, home: Dialect) -> str:
    """As a caller of the dialect `home` gets it."""
    return signature if origin in (None, home) else f"{_MARK}{origin}.{signature}"


def inward(text: str, home: Dialect) -> tuple[str, Dialect]:
    """The signature and whose it is, of what a caller of the dialect `home` sends."""
    if text.startswith(_MARK):
        origin, dot, signature = text[len(_MARK) :].partition(".")
        if dot and origin in _DIALECTS:
            return signature, origin  # type: ignore[return-value]  # reason: it is one of the literals, as was looked
    return text, home
