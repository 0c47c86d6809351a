"""Reads `LLM_GATEWAY_*` from the environment. Every name that the product knows is in NAMES; others warn."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import warnings
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ("development", "staging", "production")
PREFIX = "LLM_GATEWAY_"
KEY_FILE = "encryption.key"
KNOWN = """
    DATABASE_URL CONFIG_PATH ENCRYPTION_KEY API_HOST API_PORT ENV REDIS_URL BROKER_URL REDIS_PORT WORKERS
    DATA_DIR SECRET_KEY ALLOWED_HOSTS TRUSTED_PROXIES ALLOW_PRIVATE_UPSTREAMS KEY_ENV SECRETS_DIR
    METRICS_TOKEN ADMIN_PASSWORD ADMIN_TOKEN PROJECT_KEY TEST_DATABASE_URL TEST_SCREENSHOTS LOG_LEVEL
    SPOOL_MAX_MB RECORD_REQUIRED REQUIRE_REASON URL
    OIDC_ISSUER OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_AUTHORIZATION_ENDPOINT OIDC_TOKEN_ENDPOINT OIDC_USER_ENDPOINT
    OIDC_JWKS_ENDPOINT OIDC_SIGN_ALGORITHM OIDC_SCOPES OIDC_USERNAME_CLAIM OIDC_GROUPS_CLAIM OIDC_GROUPS
"""
NAMES = frozenset(PREFIX + name for name in KNOWN.split())

env = environ.Env()


def text(name: str, default: str = "") -> str:
    return str(env.str(PREFIX + name, default=default)).strip()


def items(name: str, default: str = "") -> list[str]:
    return _split(text(name, default))


def _split(listed: str) -> list[str]:
    return [item.strip() for item in listed.split(",") if item.strip()]


def boolean(name: str, default: bool) -> bool:
    raw = text(name)
    if not raw:
        return default
    if raw.lower() in ("1", "true", "yes", "on"):
        return True
    if raw.lower() in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{PREFIX}{name} must be true or false, not {raw!r}.")


def number(name: str, default: int | None, *, least: int = 0) -> int | None:
    raw = text(name)
    if not raw:
        return default
    if not raw.isdigit() or int(raw) < least:
        bound = f" of at least {least}" if least else ""
        raise ImproperlyConfigured(f"{PREFIX}{name} must be a whole number{bound}, not {raw!r}.")
    return int(raw)


def path(name: str, default: str) -> Path:
    """A path; a relative one is relative to manage.py."""
    return (BASE_DIR / text(name, default)).resolve()


def environment_name() -> str:
    name = text("ENV", "development")
    if name not in ENVIRONMENTS:
        raise ImproperlyConfigured(f"{PREFIX}ENV must be one of {', '.join(ENVIRONMENTS)}, not {name!r}.")
    return name


def database(url: str) -> dict[str, object]:
    """Django's settings of the database at `url`; `postgresql+driver://` is accepted as SQLAlchemy writes it."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ImproperlyConfigured(f"{PREFIX}DATABASE_URL is no URL (sqlite:///./file.db, postgresql://...).")
    scheme = scheme.partition("+")[0]
    if scheme == "sqlite":
        return _sqlite(rest)
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{PREFIX}DATABASE_URL must begin with sqlite:// or postgresql://, not {scheme}://.")
    settings: dict[str, object] = environ.Env.db_url_config(f"postgres://{rest}")
    settings["CONN_MAX_AGE"] = 60
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


def _sqlite(rest: str) -> dict[str, object]:
    name = rest.removeprefix("/")  # sqlite:///relative, sqlite:////absolute
    if not name:
        raise ImproperlyConfigured(f"{PREFIX}DATABASE_URL names no file (sqlite:///./llm_gateway.db).")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str((BASE_DIR / name).resolve()),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # Deferred transactions fail at once when two processes upgrade from read to write; immediate ones wait.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
    }


def encryption_keys(data_dir: Path, environment: str) -> list[str]:
    """Keys for stored secrets, newest first. In development a key file is made in the data folder."""
    keys = items("ENCRYPTION_KEY")
    if keys:
        return keys
    if environment == "production":
        raise ImproperlyConfigured(f"{PREFIX}ENCRYPTION_KEY is not set; production does not start without it.")
    keys = _split(_key_file(data_dir / KEY_FILE))
    if not keys:
        raise ImproperlyConfigured(f"The key file {data_dir / KEY_FILE} is empty: bring it back, or delete it.")
    return keys


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _key_file(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    key = new_key()
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key + "\n")
    return key


def derived(key: str, purpose: str) -> str:
    """A key of its own for `purpose`, from an encryption key."""
    return hmac.new(key.encode(), f"llm-gateway:{purpose}".encode(), hashlib.sha256).hexdigest()


def warn_of_unknown_names() -> None:
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in NAMES:
            warnings.warn(f"{name} is set, but the gateway knows no such variable.", stacklevel=2)
