"""The control process: Django (admin, management API) under gunicorn's threads on a unix socket, and the one ingester
of the spool.

python -m gateway_project.supervisor.control --socket /tmp/.../control.sock --parent 4711
"""

from __future__ import annotations

import gc
import io
import logging
import logging.config
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, Final

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from gateway_project.supervisor import process

THREADS: Final = 8
STOP_SECONDS: Final = 5  # for pages and exports under way; also after a supervisor that was killed
LONGEST_BODY: Final = 32 * 1024 * 1024
IN_MEMORY: Final = 1024 * 1024
PROBE: Final = "/health"  # of this process, asked by the supervisor; the public one is answered by data workers
_PEER: Final = "HTTP_X_GATEWAY_PEER"

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


class Behind:
    """Wraps a WSGI application that only the relay reaches: the caller's address is the one that the relay names."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PROBE:
            start_response("204 No Content", [])
            return []
        host, _, port = environ.pop(_PEER, "").partition(" ")
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = host, port
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not _gather(environ):
            start_response("413 Content Too Large", [("content-type", "application/json")])
            return [b'{"detail": "The body is too large."}']
        return self._application(environ, start_response)


def _gather(environ: Environ) -> bool:
    """Django reads a body only by its length, so that of a chunked one is found out. False past LONGEST_BODY."""
    body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # reason: it lives as long as the request
    while piece := environ["wsgi.input"].read(64 * 1024):
        body.write(piece)
        if body.tell() > LONGEST_BODY:
            return False
    environ["CONTENT_LENGTH"] = str(body.tell())
    body.seek(io.SEEK_SET)
    environ["wsgi.input"] = body
    return True


class Log(Logger):
    """gunicorn's messages go the way of all others."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Control(BaseApplication):
    def __init__(self, socket: str) -> None:
        self._socket = socket
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"unix:{self._socket}",
            "umask": 0o077,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": 120,
            "graceful_timeout": STOP_SECONDS,
            "limit_request_line": 0,
            "limit_request_field_size": 0,
            "logger_class": Log,
            "control_socket_disable": True,
            # gunicorn trusts whoever is on a unix socket; what comes through this one was written by callers.
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "post_worker_init": _begin,
            "worker_exit": _end,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        from gateway_project.wsgi import application

        return Behind(application)


def _begin(worker: Any) -> None:
    from gateway_project import wiring

    process.begin(os.getppid())
    wiring.install(ingest=True)
    wiring.runtime()
    gc.freeze()


def _end(server: Any, worker: Any) -> None:
    from gateway_project import wiring

    wiring.runtime().stop()


def main() -> None:
    parser = process.parser()
    parser.add_argument("--socket", required=True)
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # gunicorn must not read them
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    from gateway_project.settings import LOGGING

    logging.config.dictConfig(LOGGING)
    process.begin(options.parent)
    Control(options.socket).run()


if __name__ == "__main__":
    main()
