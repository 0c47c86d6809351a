"""`manage.py run_api`: serves everything; see gateway_project.supervisor."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from gateway_project.settings import environment
from gateway_project.supervisor import leftover, single
from gateway_project.supervisor.lock import FolderInUse, FolderLock
from gateway_project.supervisor.main import Options, Supervisor
from gateway_project.supervisor.port import PortTaken, listen


class Command(BaseCommand):
    help = "Serves the gateway: calls, admin, management API, a Celery worker, and an embedded Redis where none is set."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST, help="LLM_GATEWAY_API_HOST")
        parser.add_argument("--port", type=int, default=settings.API_PORT, help="LLM_GATEWAY_API_PORT")
        parser.add_argument(
            "--workers", type=int, default=environment.number("WORKERS", 1), help="data workers (LLM_GATEWAY_WORKERS)"
        )
        parser.add_argument("--single", action="store_true", help="everything in this one process, for debugging")
        parser.add_argument("--drain-seconds", type=int, default=30, help="time that running calls get at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1:
            raise CommandError("--workers (LLM_GATEWAY_WORKERS) must be at least 1.")
        data_dir = Path(settings.DATA_DIR)
        listener = self._listener(options["host"], options["port"], data_dir)
        try:
            lock = FolderLock(data_dir)
        except FolderInUse:
            raise CommandError(
                f"Another gateway runs on the data folder {data_dir} (LLM_GATEWAY_DATA_DIR); it is left alone."
            ) from None
        self._check_migrated()
        if options["single"]:
            single.serve(options["host"], listener, data_dir=data_dir, drain_seconds=options["drain_seconds"])
        else:
            self._supervise(listener, data_dir, options)
        lock.release()

    def _supervise(self, listener: socket.socket, data_dir: Path, options: dict[str, Any]) -> None:
        Supervisor(
            Options(
                host=options["host"],
                port=options["port"],
                workers=options["workers"],
                drain_seconds=options["drain_seconds"],
                data_dir=data_dir,
                redis_url=settings.REDIS_URL,
                redis_port=environment.number("REDIS_PORT", 0) or 0,
            ),
            listener,
        ).run()

    def _listener(self, host: str, port: int, data_dir: Path) -> socket.socket:
        """After a gateway that was killed its last calls may hold the port for some seconds: that is waited for."""
        try:
            return listen(host, port, patience=leftover.PATIENCE_SECONDS if leftover.expected(data_dir) else 0)
        except PortTaken:
            raise CommandError(
                f"Port {port} on {host} is taken: choose another by LLM_GATEWAY_API_PORT or --port."
            ) from None
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"Cannot listen on {host}:{port} (LLM_GATEWAY_API_HOST, LLM_GATEWAY_API_PORT): {error}."
            ) from error

    def _check_migrated(self) -> None:
        try:
            executor = MigrationExecutor(connection)
        except OperationalError:
            self.stderr.write("The database does not answer; the gateway waits for it (/ready).")
            return
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database has not been set up for this version: run manage.py init_db --sync.")
        connection.close()
