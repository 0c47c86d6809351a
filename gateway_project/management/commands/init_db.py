"""`manage.py init_db [--sync[=force]]`: makes the database ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from gateway_project import first_setup
from gateway_project.supervisor.port import reachable_host
from providers import config_file
from providers.errors import ConfigurationError


class Command(BaseCommand):
    help = "Migrates; makes admin, token, default project and key where there are none; --sync applies the YAML file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sync",
            nargs="?",
            const="changed",
            choices=["changed", "force"],
            help="apply what changed in LLM_GATEWAY_CONFIG_PATH since it was applied; force: the file wins in any case",
        )
        parser.add_argument(
            "--for-server", action="store_true", help="leave telling the first run's secrets to run_api"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
            if options["sync"]:
                self._sync(force=options["sync"] == "force")
            first_run = first_setup.make_missing()
        except ValidationError as error:
            raise CommandError("; ".join(_lines(error))) from error
        except ConfigurationError as error:
            raise CommandError(f"{settings.CONFIG_PATH}: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"The database could not be set up: {error}") from error
        if first_run is None:
            return
        data_dir = Path(settings.DATA_DIR)
        if options["for_server"]:
            first_run.save(data_dir)
        else:
            first_run.tell(data_dir, f"http://{reachable_host(settings.API_HOST)}:{settings.API_PORT}")

    def _sync(self, *, force: bool) -> None:
        path = Path(settings.CONFIG_PATH)
        if not path.exists():
            if settings.CONFIG_PATH_IS_EXPLICIT:
                raise CommandError(f"LLM_GATEWAY_CONFIG_PATH names {path}, which does not exist.")
            self.stderr.write("There is no configuration file to sync.")
            return
        report = config_file.sync(path, force=force)
        for line in report.plan:
            self.stderr.write(line)
        for line in report.kept:
            self.stderr.write(f"kept: {line}")


def _lines(error: ValidationError) -> list[str]:
    if hasattr(error, "error_dict"):
        return [f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()]
    return error.messages
