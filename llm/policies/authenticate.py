"""Who calls: a project key in the headers, or a project that a trusted door (Celery) names.

Pure: the snapshot and the time come in, a Caller or InvalidApiKey comes out. A key is only ever hashed and looked up by
its digest; nothing here repeats it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from llm.errors import InvalidApiKey, InvalidRequest
from llm.snapshot import Caller, Snapshot

_BEARER: Final = "bearer "
_HOW: Final = "Send a project key, which begins with gw-, as 'Authorization: Bearer <key>' or as 'x-api-key: <key>'."


def by_key(snapshot: Snapshot, headers: Mapping[str, str], *, now: float) -> Caller:
    """The owner of the key in `headers` (names in lower case); `now` in seconds since 1970.

    Raises InvalidApiKey where there is none, or it is of the wrong kind, unknown or expired.
    """
    key = _key(headers)
    # Hashed and looked up whatever it is, so that the time taken tells nothing about how it is wrong.
    caller = snapshot.callers.by_key_hash.get(hashlib.sha256(key.encode()).digest())
    if key.startswith("gwadm-"):
        raise InvalidApiKey(f"This is a user token for the management API; calls need a project key. {_HOW}")
    if not key:
        raise InvalidApiKey(f"No API key was sent. {_HOW}")
    if caller is None:
        raise InvalidApiKey(f"The API key is not valid. {_HOW}")
    if caller.expires_at is not None and caller.expires_at.timestamp() <= now:
        raise InvalidApiKey("The API key has expired.")
    return caller


def by_project(snapshot: Snapshot, slug: str) -> Caller:
    """The project itself, as a trusted door names it. InvalidRequest where it is unknown or accepts no tasks."""
    caller = snapshot.callers.by_project.get(slug)
    if caller is None or not caller.accept_tasks:
        raise InvalidRequest("There is no such project, or it does not accept tasks.", param="project")
    return caller


def _key(headers: Mapping[str, str]) -> str:
    """The key as text, or "". Of two, the one that looks like a project key: some clients send a placeholder too."""
    authorization = headers.get("authorization", "")
    bearer = authorization[len(_BEARER) :].strip() if authorization[: len(_BEARER)].lower() == _BEARER else ""
    api_key = headers.get("x-api-key", "").strip()
    if api_key.startswith("gw-") and not bearer.startswith("gw-"):
        return api_key
    return bearer or api_key
