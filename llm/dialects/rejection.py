"""A provider's refusal, whatever its dialect, mapped once to the tree of errors.

Classified by status, code and type. Only what providers have no code for and calls are routed by is told by the text
(`llm.dialects.rejection_words`). The provider's words go to the caller only where they are about the caller's request,
bounded, and without what looks like a key or an address of a machine.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from llm.dialects import rejection_words
from llm.dialects.fields import BAD_JSON
from llm.errors import (
    UpstreamAuthFailed,
    UpstreamContentFiltered,
    UpstreamContextExceeded,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)

MAX_MESSAGE: Final = 500
_LONGEST_WAIT: Final = 31_536_000.0  # a year, in seconds: whoever says more means nothing by it
_LOOKS_LIKE_A_KEY: Final = re.compile(
    r"(?i:bearer)\s+\S+|\b(?:(?:sk|pk|rk|gw|gwadm|xai|gsk|ghp|hf)[-_]|AIza|ya29\.)[A-Za-z0-9*][\w*.…-]{5,}"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}\b"
)
_LOOKS_LIKE_AN_ADDRESS: Final = re.compile(
    r"https?://[^/\s\"'<>]*(?::\d+|localhost|\d\.\d+|@)[^\s\"'<>]*|https?://[^./\s\"'<>]+(?:/[^\s\"'<>]*)?(?=[\s\"'<>]|$)"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\blocalhost(?::\d+)?\b|\[[0-9a-fA-F:]{3,}\](?::\d+)?"
)
_PLAIN_CODE: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")

_CODE_OF_STATUS: Final = {404: "not_found", 413: "request_too_large"}


class Told(msgspec.Struct, frozen=True):
    """What a provider said: "" where it said nothing that can be read. `inner` is a code inside (Azure's)."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    inner: str = ""


def told(raw: bytes) -> Told:
    """Reads an error object, an answer that holds one under `error`, or one of the shapes of compatible servers
    (`{"message": ...}`, `{"detail": ...}`, `{"error": "text"}`). HTML and garbage give an empty Told."""
    try:
        value: object = msgspec.json.decode(raw)
    except BAD_JSON:
        return Told()
    if isinstance(value, dict) and value.get("error"):
        value = value["error"]
    if isinstance(value, str):
        return Told(message=value)
    if not isinstance(value, dict):
        return Told()
    return Told(
        message=_text(value.get("message")) or _text(value.get("detail")),
        type=_text(value.get("type")),
        code=_text(value.get("code")),
        param=_text(value.get("param")) or None,
        inner=_inner_code(value),
    )


def _inner_code(error: Mapping[str, object]) -> str:
    inner = error.get("innererror") or error.get("inner_error")
    return _text(inner.get("code")) if isinstance(inner, dict) else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def upstream_error(
    status: int, headers: Mapping[str, str], body: bytes, now: Callable[[], float] = time.time
) -> UpstreamError:
    """An answer that is not 2xx, as most providers word it (see `told`). `headers` have lower-case names."""
    return upstream_error_of(status, told(body), headers=headers, now=now)


def upstream_error_of(
    status: int, said: Told, *, headers: Mapping[str, str], now: Callable[[], float] = time.time
) -> UpstreamError:
    """`headers` have lower-case names; `now` is in seconds since 1970, for a Retry-After that is a date."""
    if status in (400, 404, 413, 422):
        return _rejected(status, said)
    if status == 403 and rejection_words.is_filtered(said.message, said.code, said.type, said.inner):
        return _rejected(400, said)  # moderation (OpenRouter, xAI): the key is fine
    wait = retry_after(headers, now)
    if status == 429:
        return UpstreamRateLimited("The provider's rate limit is reached.", retry_after=wait)
    if status in (401, 402, 403):
        return UpstreamAuthFailed("The provider refused the gateway's credentials.")
    if status == 408:
        return UpstreamTimeout("The provider gave up waiting for the request.", retry_after=wait)
    if status == 409 or status >= 500:
        return UpstreamFailed(f"The provider failed (status {status}).", retry_after=wait)
    if status >= 400:
        return UpstreamFailed(f"The provider refused the request (status {status}).", retryable=False)
    return UpstreamMalformed(f"The provider's answer is none (status {status}).")


def _rejected(status: int, said: Told) -> UpstreamRejected:
    message = bounded(said.message) or f"The provider refused the request (status {status})."
    param = bounded(said.param or "") or None
    words = said.message, said.code, said.type, said.inner
    if status != 404 and rejection_words.is_filtered(*words):
        return UpstreamContentFiltered(message, status=status, param=param)
    if status != 404 and rejection_words.is_too_long(*words):
        return UpstreamContextExceeded(message, status=status, param=param)
    code = said.code
    if not _PLAIN_CODE.fullmatch(code) or code.isdecimal():
        code = _CODE_OF_STATUS.get(status, "invalid_request")
    return UpstreamRejected(message, code, status=status, param=param)


def bounded(message: str) -> str:
    """At most 500 characters, without keys and addresses of machines. Redacted first: a cut key is still a key."""
    message = message[: 4 * MAX_MESSAGE]
    message = _LOOKS_LIKE_AN_ADDRESS.sub("[address]", _LOOKS_LIKE_A_KEY.sub("[redacted]", message))
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"


def retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Seconds to wait: `retry-after-ms` first, then `retry-after` as seconds or as an HTTP date; None if unsaid."""
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _seconds(text)
    if seconds is not None or not text:
        return seconds
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - now(), 0.0), _LONGEST_WAIT)
    except (ValueError, OverflowError, OSError):
        return None


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return min(max(value, 0.0), _LONGEST_WAIT) if math.isfinite(value) else None
