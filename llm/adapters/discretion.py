"""What a provider says about a request goes to the caller, but for the key and the address that it was sent with.

The hub takes out what looks like a key or an address; here the very ones are known.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from llm.errors import UpstreamError
from llm.spec import Target

# Shorter ones would blacken ordinary words.
_SHORTEST: Final = 6
_SHORTEST_HEADER_VALUE: Final = 16


def redacted(text: str, target: Target) -> str:
    """Without the target's key, its host, and the operator's long header values."""
    address = urlsplit(target.base_url)
    for secret in (target.secret, address.netloc, address.hostname):
        if secret and len(secret) >= _SHORTEST:
            text = text.replace(secret, "[redacted]")
    for value in target.headers.values():
        if len(value) >= _SHORTEST_HEADER_VALUE:
            text = text.replace(value, "[redacted]")
    return text


def redact(error: UpstreamError, target: Target) -> None:
    """Takes them out of an error's message, in place."""
    error.message = redacted(error.message, target)
    error.args = (error.message, *error.args[1:])
