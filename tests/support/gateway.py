"""A whole gateway as an operator runs it: `init_db --sync`, then `run_api`, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
PASSWORD = "a-long-password-of-the-suite"
ADMIN_TOKEN = "gwadm-token-of-the-suite-0123456789abcdef"
PROJECT_KEY = "gw-key-of-the-suite-0123456789abcdef"


def clean_environment(folder: Path, **values: str) -> dict[str, str]:
    """The environment of a new user: nothing of the developer's own settings; database and data in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLM_GATEWAY_", "DJANGO_"))}
    own = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}"}
    return {**kept, **{f"LLM_GATEWAY_{name}": value for name, value in {**own, **values}.items()}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL
    )


class GatewayProcess:
    """`values` are LLM_GATEWAY_ variables without their prefix, `arguments` those of run_api (without a --port it has a
    new one at each start). Use as a context manager."""

    def __init__(self, folder: Path, *, arguments: Sequence[str] = (), **values: str) -> None:
        given = {"ADMIN_PASSWORD": PASSWORD, "ADMIN_TOKEN": ADMIN_TOKEN, "PROJECT_KEY": PROJECT_KEY, **values}
        self.folder = folder
        self.arguments = tuple(arguments)
        self.environment = clean_environment(folder, **{name: value for name, value in given.items() if value})
        self.output: list[str] = []
        self.url = ""
        self._served = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> GatewayProcess:
        made = manage(self.environment, "init_db", "--sync", "--for-server")
        assert made.returncode == 0, made.stderr
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *arguments: str) -> None:
        """Returns once it serves."""
        self.begin(*arguments)
        assert self._served.wait(START_SECONDS), self.log()
        assert self._process is not None and self._process.poll() is None, self.log()

    def begin(self, *arguments: str) -> None:
        """Starts and does not wait."""
        served = self._served = threading.Event()  # its own: the reader of an earlier process may be late
        program = [sys.executable, str(ROOT / "manage.py"), "run_api", "--host", "127.0.0.1", "--port", "0"]
        self._process = subprocess.Popen(
            [*program, *self.arguments, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log.jsonl").open("ab"),
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process, served), daemon=True).start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        return (self.folder / "log.jsonl").read_text()

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def redis_url(self) -> str:
        return str(json.loads((self.data_dir / "redis.json").read_text())["url"])

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 60) -> int:
        """The exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = 60) -> int:
        """For its end; the exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def rest(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One request to the management API, as the first admin."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", **arguments.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **arguments)

    def chat(self, model: str, *, key: str = PROJECT_KEY, **fields: Any) -> requests.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=60)

    def _read(self, process: subprocess.Popen[str], served: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))
            if line.startswith("LLM Gateway serves at "):
                self.url = line.split()[4]
                served.set()
        served.set()  # it ended: nobody needs to wait any longer
