"""What a request id, tags and a limit of time may be: the gateway refuses or drops what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llm_gateway_client.shape import finite

_MOST_TAGS: Final = 16
_LONGEST_TAG: Final = 64
_LONGEST_ID: Final = 128
_LONGEST_SECONDS: Final = 86_400  # what the gateway takes


def check(tags: Mapping[str, str]) -> None:
    """ValueError, with the tag's name, for what cannot be a tag."""
    if len(tags) > _MOST_TAGS:
        raise ValueError(f"There may be {_MOST_TAGS} tags at most, with the ids of the context: these are {len(tags)}.")
    for name, value in tags.items():
        if not name.strip() or "=" in name or not _fits(name):
            raise ValueError(f"The tag {name!r} must have a name of 1 to {_LONGEST_TAG} printable ASCII characters.")
        if not _fits(value):
            raise ValueError(f"The tag {name!r} must be {_LONGEST_TAG} printable ASCII characters at most, no comma.")


def check_request_id(value: str | None) -> None:
    """ValueError for what the gateway would not take."""
    if value is not None and not (0 < len(value) <= _LONGEST_ID and all("!" <= one <= "~" for one in value)):
        raise ValueError(f"A request_id must be 1 to {_LONGEST_ID} visible ASCII characters.")


def check_timeout(seconds: float | None, name: str) -> None:
    """ValueError for what is no time that a call may have."""
    if seconds is not None and not (finite(seconds) and 0 < seconds <= _LONGEST_SECONDS):
        raise ValueError(f"{name} must be more than 0 seconds, at most {_LONGEST_SECONDS:,}.")


def header(tags: Mapping[str, str]) -> str:
    """As x-gateway-tags takes them."""
    return ",".join(f"{name}={value}" if value else name for name, value in tags.items())


def _fits(text: str) -> bool:
    # The gateway strips what is round a tag: a tag that is changed on the way would count for another.
    return len(text) <= _LONGEST_TAG and text == text.strip() and all(" " <= one <= "~" and one != "," for one in text)
