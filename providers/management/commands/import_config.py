"""manage.py import_config FILE [--dry-run] [--prune]: applies a YAML file in one change set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.config_file import import_text
from providers.errors import ConfigurationError


class Command(BaseCommand):
    help = "Applies a configuration file, and prints what changed: + made, ~ changed, - deleted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a YAML file; - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
        parser.add_argument("--prune", action="store_true", help="delete what the file does not name")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
        try:
            report = import_text(
                content,
                dry_run=options["dry_run"],
                prune=options["prune"],
                actor="manage.py import_config",
                reason=f"import of {Path(name).name}",
            )
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        for line in report.plan:
            self.stdout.write(line)
        for line in report.kept:
            self.stderr.write(f"kept: {line}")
