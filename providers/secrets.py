"""Secrets and what may stand for them: fingerprints, last four characters, references, masks."""

from __future__ import annotations

import hashlib
import hmac
import re
from itertools import pairwise
from typing import Any

from django.conf import settings

from llm import references
from llm.references import is_mask
from providers.problems import refuse

LAST4_FROM = 20
_SECRET_WORDS = frozenset(
    {
        "secret",
        "secrets",
        "password",
        "passwd",
        "passphrase",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "cookie",
        "apikey",
        "apikeys",
        "accesskey",
        "secretkey",
        "privatekey",
        "authtoken",
        "accesstoken",
        "xapikey",
    }
)
_SECRET_PAIRS = frozenset(
    {(word, "key") for word in ("api", "access", "private", "signing", "encryption", "account", "subscription", "auth")}
)
_HARMLESS_TOKENS = frozenset(
    {"max", "min", "stop", "bos", "eos", "pad", "unk", "first", "last", "per", "next", "new", "special"}
)


def fingerprint(secret: str) -> str:
    """16 hexadecimal digits that stand for a secret in lists and in the history; useless without our key."""
    key = hmac.new(settings.FERNET_KEYS[0].encode(), b"llm-gateway:fingerprint", hashlib.sha256).digest()
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:16]


def last4(secret: str) -> str:
    """The last four characters of a secret that is long enough to spare them; else nothing."""
    return secret[-4:] if len(secret) >= LAST4_FROM else ""


def clean_key(value: Any, field: str = "key_value") -> str:
    """A key as it goes into a header. ValidationError by field; the message never shows the value."""
    if not isinstance(value, str):
        raise refuse(field, "It must be a text.")
    text = value.strip()
    if is_mask(text):
        raise refuse(field, "It is empty or a mask. Leave the field out to keep the stored key.")
    if len(text) > 8_192 or not text.isascii() or not text.isprintable() or " " in text:
        raise refuse(field, "A key has visible ASCII characters only, without spaces, and at most 8192 of them.")
    return text


def clean_reference(value: Any, field: str = "reference") -> str:
    """`env:NAME` or `file:NAME`, if that may be read at all; what it names need not exist yet."""
    if not isinstance(value, str):
        raise refuse(field, "It must be a text.")
    kind, _, name = value.strip().partition(":")
    if kind == "env" and name and len(name) <= 200:
        if not references.env_allowed(name, _allowed()):
            raise refuse(field, f"LLM_GATEWAY_KEY_ENV does not allow it; it allows {', '.join(settings.KEY_ENV)}.")
        return f"env:{name}"
    if kind == "file" and name and len(name) <= 200:
        if not settings.SECRETS_DIR:
            raise refuse(field, "LLM_GATEWAY_SECRETS_DIR is not set, so no file can be referred to.")
        if references.file(name, _allowed()) is None:
            raise refuse(field, "It must name a file inside LLM_GATEWAY_SECRETS_DIR.")
        return f"file:{name}"
    raise refuse(field, "It must be env:NAME or file:NAME.")


def resolve(reference: str) -> str:
    """The secret that a reference names, now. Raises ReferenceMissing."""
    return references.resolve(reference, _allowed())


def looks_secret(name: str) -> bool:
    """Does a name in plain JSON (`api_key`, `X-Auth-Token`, `clientSecret`) look like that of a secret?"""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    if _SECRET_WORDS.intersection(words) or _SECRET_PAIRS.intersection(pairwise(words)):
        return True
    return bool(words) and words[-1] == "token" and (len(words) == 1 or words[-2] not in _HARMLESS_TOKENS)


def _allowed() -> references.Allowed:
    return references.Allowed(tuple(settings.KEY_ENV), str(settings.SECRETS_DIR))
