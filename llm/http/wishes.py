"""What a caller's headers wish of the gateway for one call: x-gateway-tags, x-gateway-timeout-ms, x-gateway-session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm.errors import InvalidRequest
from llm.service import Call

NAMES: Final = ("x-gateway-tags", "x-gateway-timeout-ms", "x-gateway-session")
MOST_TAGS: Final = 16
LONGEST_TAG: Final = 64
LONGEST_TIMEOUT_MS: Final = 86_400_000
LONGEST_SESSION: Final = 256


def read(call: Call, headers: Mapping[str, str]) -> None:
    """Into the call. InvalidRequest with the header's name for what is out of bounds."""
    tags = headers.get("x-gateway-tags")
    if tags:
        call.tags = _tags(tags)
    timeout = headers.get("x-gateway-timeout-ms")
    if timeout is not None:
        call.timeout = _seconds(timeout)
    session = headers.get("x-gateway-session")
    if session:
        call.session = _session(session)


def _tags(header: str) -> dict[str, str]:
    """`a,b` or `team=x`. A tag that is cut would count for another."""
    named = [tag.strip().partition("=") for tag in header.split(",") if tag.strip()]
    if len(named) > MOST_TAGS or any(len(name) > LONGEST_TAG or len(value) > LONGEST_TAG for name, _, value in named):
        message = f"The header 'x-gateway-tags' takes {MOST_TAGS} tags of {LONGEST_TAG} characters at most."
        raise InvalidRequest(message, param="x-gateway-tags")
    return {name: value for name, _, value in named}


def _seconds(header: str) -> float:
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= LONGEST_TIMEOUT_MS):
        message = f"The header 'x-gateway-timeout-ms' takes a whole number of milliseconds, 1 to {LONGEST_TIMEOUT_MS}."
        raise InvalidRequest(message, param="x-gateway-timeout-ms")
    return int(text) / 1000


def _session(header: str) -> str:
    if len(header) > LONGEST_SESSION:
        message = f"The header 'x-gateway-session' takes {LONGEST_SESSION} characters at most."
        raise InvalidRequest(message, param="x-gateway-session")
    return header
