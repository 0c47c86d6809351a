"""What is measured: started in processes of their own, found again by their process trees, ended when done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import ports, wire
from bench.cores import stay_on

ROOT = Path(__file__).resolve().parents[1]
KEY = "gw-bench-0123456789abcdef0123456789abcdef"
OUTAGE = "outage"
TOKEN = "gwadm-bench-0123456789abcdef0123456789abcdef"
# The modules that serve the port of run_api; its other children do other work.
_DATA = ("gateway_project.supervisor.data", "gateway_project.supervisor.api")


class CannotStart(RuntimeError):
    """A server did not come up."""


@dataclass(frozen=True, slots=True)
class Server:
    """`root` is the process whose children do the work; the mock itself stands for no server at all (`root` None)."""

    name: str
    port: int
    root: int | None = None

    def processes(self) -> list[psutil.Process]:
        """Those that serve calls."""
        if self.root is None:
            return []
        root = psutil.Process(self.root)
        everyone = [root, *root.children(recursive=True)]
        data = [one for one in everyone if any(module in one.cmdline() for module in _DATA)]
        return data or everyone

    def cpu_seconds(self) -> float:
        return sum(_cpu(one) for one in self.processes())

    def others_cpu_seconds(self) -> float:
        """Of what runs beside them: the record's way into the database, the worker, Redis."""
        if self.root is None:
            return 0.0
        root = psutil.Process(self.root)
        serving = {one.pid for one in self.processes()}
        return sum(_cpu(one) for one in [root, *root.children(recursive=True)] if one.pid not in serving)

    def resident_megabytes(self) -> float:
        return max((one.memory_info().rss for one in self.processes()), default=0) / 1e6


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def mock(core: int | None, port: int = 0) -> Iterator[Server]:
    """A provider; `port` 0: any that is free."""
    with _running([sys.executable, "-m", "bench.upstream", "--port", str(port), *_on(core)]) as process:
        yield Server("direct", int(_first_line(process)))


@contextmanager
def nginx(upstream: int, folder: Path, core: int | None) -> Iterator[Server]:
    """nginx with one worker. CannotStart where it is not installed."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise CannotStart("nginx is not installed here")
    folder.mkdir()
    port = ports.free()
    (folder / "nginx.conf").write_text(_nginx_conf(folder, port, upstream))
    command = [binary, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with _running(command, core=core) as process:
        if not ports.answers(port):
            raise CannotStart("nginx did not come up")
        yield Server("nginx", port, process.pid)


def _nginx_conf(folder: Path, port: int, upstream: int) -> str:
    temporary = "\n".join(
        f"  {name}_temp_path {folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # else its worker cannot write into the folder
    return f"""{user}
worker_processes 1;
daemon off;
pid {folder / "nginx.pid"};
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
{temporary}
  access_log off;
  client_body_buffer_size 256k;
  keepalive_requests 100000000;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@contextmanager
def gateway(upstream: int, frail: int, folder: Path, core: int | None) -> Iterator[Server]:
    """`init_db --sync`, then `run_api` with one data worker. Everything is as it is by default. The route OUTAGE goes
    to the provider at the port `frail`, and where that fails to the one at `upstream`."""
    folder.mkdir()
    environment = _environment(folder, upstream, frail)
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "init_db", "--sync"], env=environment, check=True, capture_output=True, timeout=120)
    command = [*manage, "run_api", "--host", "127.0.0.1", "--port", "0", "--workers", "1"]
    with _running(command, env=environment, core=core, errors=folder / "log.jsonl") as process:
        line = _first_line(process)
        while not line.startswith("LLM Gateway serves at"):
            line = _first_line(process)
        yield Server("gateway", int(line.split()[4].rpartition(":")[2]), process.pid)


def _environment(folder: Path, upstream: int, frail: int) -> dict[str, str]:
    targets = [{"model": "frail/frail", "priority": 1}, {"model": f"bench/{wire.MODEL}", "priority": 2}]
    content = {
        "version": 1,
        "providers": {"bench": _provider(wire.MODEL, upstream), "frail": _provider("frail", frail)},
        "routes": {OUTAGE: {"targets": targets}},
    }
    (folder / "config.yaml").write_text(json.dumps(content))  # JSON is YAML
    values = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "CONFIG_PATH": str(folder / "config.yaml"),
        "ADMIN_PASSWORD": "a-password-of-the-bench",
        "ADMIN_TOKEN": TOKEN,
        "PROJECT_KEY": KEY,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLM_GATEWAY_", "DJANGO_"))}
    return {**kept, "BENCH_API_KEY": "sk-bench", **{f"LLM_GATEWAY_{name}": value for name, value in values.items()}}


def _provider(model: str, port: int) -> dict[str, object]:
    return {
        "display_name": model,
        "provider_type": "openai",
        "connection_params": {"api_base": f"http://127.0.0.1:{port}/v1"},
        "api_keys": [{"name": "default", "reference": "env:BENCH_API_KEY"}],
        "models": {model: {"display_name": model}},
    }


@contextmanager
def _running(
    command: list[str],
    *,
    env: Mapping[str, str] | None = None,
    core: int | None = None,
    errors: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    with open(errors or os.devnull, "ab") as stderr:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=lambda: stay_on(core),
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CannotStart(f"{process.args!r} ended at once")
    return line.strip()


def _on(core: int | None) -> list[str]:
    return [] if core is None else ["--core", str(core)]
