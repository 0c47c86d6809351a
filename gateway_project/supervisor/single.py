"""`run_api --single`: everything in the calling process, no children, for a debugger. No worker, no Redis of ours."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from gateway_project.supervisor import process
from gateway_project.supervisor.first_run import FirstRun
from gateway_project.supervisor.port import reachable_host


def serve(host: str, listener: socket.socket, *, data_dir: Path, drain_seconds: float) -> None:
    """Returns when the process was told to stop."""
    from gateway_project.asgi import application
    from gateway_project.supervisor import serving

    process.begin(0)
    url = f"http://{reachable_host(host)}:{listener.getsockname()[1]}"
    first_run = FirstRun.take(data_dir)
    if first_run is not None:
        first_run.tell(data_dir, url)
    print(f"LLM Gateway serves at {url} (admin: {url}/admin/)", flush=True)
    print(
        "One process: no Celery worker; Redis only where LLM_GATEWAY_REDIS_URL names one.", file=sys.stderr, flush=True
    )
    serving.serve(application, listener, drain_seconds=drain_seconds, orphaned=lambda: False)
