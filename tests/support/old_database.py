"""A database as the original system left it, with what years of use put into it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from cryptography.fernet import Fernet

PLAIN_KEY = "sk-old-0123456789abcdefghij-PLAIN"
OTHER_KEY = "sk-old-0123456789abcdefghij-OTHER"
HEADER = "Bearer of-the-old-proxy"
ENCRYPTED = Fernet(Fernet.generate_key()).encrypt(b"sk-old-that-nobody-can-read").decode()
TABLES = """
CREATE TABLE llm_providers (
    id INTEGER, provider_id VARCHAR(64), provider_type VARCHAR(64), display_name VARCHAR(300), description TEXT,
    enabled {boolean}, connection_params TEXT, request_settings TEXT, created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE llm_models (
    id INTEGER, model_id VARCHAR(128), provider_id VARCHAR(64), display_name VARCHAR(300), model_type VARCHAR(32),
    context_window {number}, max_tokens {number}, enabled {boolean}, capabilities TEXT, parameters TEXT,
    created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE llm_provider_api_keys (
    key_id {number}, provider_id VARCHAR(64), key_value TEXT, is_encrypted {boolean}, environment VARCHAR(32),
    expires_at TIMESTAMP, created_by_user_id INTEGER);
CREATE TABLE llm_provider_connection_parameters (
    id INTEGER, provider_id VARCHAR(64), param_name VARCHAR(64), param_value TEXT, is_sensitive {boolean},
    environment VARCHAR(32));
"""
T, F = True, False
PROVIDERS = [
    ("openai", "openai", "OpenAI", "GPT models", T, '{"api_base": "https://api.openai.com/v1", "timeout": 60}', None),
    ("My Claude!", "claude", "Claude", None, F, "{broken", json.dumps({"proxy": "http://proxy.example:3128"})),
    ("groq", "groq", None, "", T, json.dumps({"base_url": "https://llm.example/v1", "api_key": OTHER_KEY}), ""),
]
MODELS = [
    ("gpt-4o", "openai", "GPT-4o", "chat", 128000, 4096, T, '["tools", "vision"]', '{"temperature": 0.2}'),
    ("ada-2", "openai", "Ada", "embeddings", 8191, None, F, '{"embedding": true, "tools": false}', "{'python': 1}"),
    ("meta-llama/Llama-3:free", "groq", "", "chat", 0, 0, T, None, None),
    ("what?", "groq", "", "hologram", 1, 1, T, "", ""),
    ("orphan", "nowhere", "", "chat", 1, 1, T, None, None),
]
KEYS = [
    (1, "openai", PLAIN_KEY, F, None, None, 7),
    (2, "openai", ENCRYPTED, T, "production", "2099-01-31 00:00:00", 7),
    (3, "openai", "sk-old-long-gone", F, "", "2001-01-31 00:00:00", 7),
    (4, "openai", "sk-for-mars-0123456789", F, "mars", None, 7),
    (5, "My Claude!", "****", F, "dev", None, None),
]
PARAMETERS = [
    ("openai", "organization", "org-1", F, ""),
    ("openai", "timeout_seconds", "90", F, "prod"),
    ("groq", "extra_headers", json.dumps({"Authorization": HEADER}), T, None),
    ("groq", "extra_body", ENCRYPTED, T, None),
]
_WRITTEN: Sequence[tuple[str, str, list[tuple[Any, ...]]]] = (
    ("llm_providers", "provider_id provider_type display_name description enabled connection_params request_settings",
     PROVIDERS),
    ("llm_models", "model_id provider_id display_name model_type context_window max_tokens enabled capabilities "
     "parameters", MODELS),
    ("llm_provider_api_keys", "key_id provider_id key_value is_encrypted environment expires_at created_by_user_id",
     KEYS),
    ("llm_provider_connection_parameters", "provider_id param_name param_value is_sensitive environment", PARAMETERS),
)  # fmt: skip


def on_sqlite(folder: Path, *, booleans: Callable[[bool], Any] = int) -> str:
    """Makes the file; its URL. `booleans` is what the old system wrote for them."""
    file = folder / f"old-{uuid4().hex}.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(TABLES.format(boolean="BOOLEAN", number="INTEGER"))
        for table, columns, rows in _WRITTEN:
            names = columns.split()
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            connection.executemany(
                statement, [[booleans(cell) if isinstance(cell, bool) else cell for cell in row] for row in rows]
            )
    return f"sqlite:///{file}"


@contextmanager
def on_postgresql(url: str) -> Iterator[str]:
    """The same in a schema of its own, by its URL; it is gone at the end."""
    schema = f"old_{uuid4().hex}"
    joined = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path = {schema}")
        connection.execute(TABLES.format(boolean="BOOLEAN", number="INTEGER"))
        for table, columns, rows in _WRITTEN:
            names = columns.split()
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
            for row in rows:
                connection.execute(statement, row)
        yield joined.replace("postgresql://", "postgresql+psycopg2://", 1)
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
