"""The servers that the tests use are real, and gone afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import redis

ROOT = Path(__file__).parent.parent.parent


def test_postgres_answers(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_redis_answers(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()


def test_the_command_prints_its_url_and_ends_with_its_stdin(postgres_url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None and process.stdout is not None
    url = process.stdout.readline().decode().strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stdout.close()
    assert not Path(url.partition("host=")[2]).exists()
