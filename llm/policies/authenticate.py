"""Who calls: a project key in the headers, or a project that a trusted door (Celery) names.

Pure: the snapshot and the time come in, a Caller or InvalidApiKey comes out. A key is only ever hashed and looked up by
its digest; nothing here repeats it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from llm.errors import InvalidApiKey, InvalidRequest
from llm.snapshot import Caller, Snapshot

_BEARER: Final = "bearer "
_HOW: Final = "Send a project key, which begins with gw-, as 'Authorization: Bearer <key>' or as 'x-api-key: <key>'."


class Credential(NamedTuple):
    """What is known of a key without asking whose it is: its SHA-256 digest, and why it can be nobody's ("": it may be
    somebody's)."""

    digest: bytes
    refusal: str


class Headers(dict[str, str]):
    """Headers of many calls, names in lower case, whose key is looked for once. Not to be changed."""

    __slots__ = ("credential",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self.credential = _credential(headers)


def by_key(snapshot: Snapshot, headers: Mapping[str, str], *, now: float) -> Caller:
    """The owner of the key in `headers` (names in lower case); `now` in seconds since 1970.

    Raises InvalidApiKey where there is none, or it is of the wrong kind, unknown or expired.
    """
    digest, refusal = headers.credential if type(headers) is Headers else _credential(headers)
    # Looked up whatever it is, so that the time taken tells nothing about how it is wrong.
    caller = snapshot.callers.by_key_hash.get(digest)
    if caller is None or refusal:
        raise InvalidApiKey(f"{refusal or 'The API key is not valid.'} {_HOW}")
    if caller.expires_at is not None and caller.expires_at.timestamp() <= now:
        raise InvalidApiKey("The API key has expired.")
    return caller


def by_project(snapshot: Snapshot, slug: str) -> Caller:
    """The project itself, as a trusted door names it. InvalidRequest where it is unknown or accepts no tasks."""
    caller = snapshot.callers.by_project.get(slug)
    if caller is None or not caller.accept_tasks:
        raise InvalidRequest("There is no such project, or it does not accept tasks.", param="project")
    return caller


def _credential(headers: Mapping[str, str]) -> Credential:
    key = _key(headers)
    refusal = ""
    if key.startswith("gwadm-"):
        refusal = "This is a user token for the management API; calls need a project key."
    elif not key:
        refusal = "No API key was sent."
    return Credential(hashlib.sha256(key.encode()).digest(), refusal)


def _key(headers: Mapping[str, str]) -> str:
    """The key as text, or "". Of two, the one that looks like a project key: some clients send a placeholder too."""
    authorization = headers.get("authorization", "")
    bearer = authorization[len(_BEARER) :].strip() if authorization[: len(_BEARER)].lower() == _BEARER else ""
    api_key = headers.get("x-api-key", "").strip()
    if api_key.startswith("gw-") and not bearer.startswith("gw-"):
        return api_key
    return bearer or api_key
