"""manage.py migrate_backoffice URL: brings in the database of the original system."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import source
from providers.backoffice import migration
from providers.backoffice.database import DatabaseError


class Command(BaseCommand):
    help = "Brings in providers, models, keys and parameters of an old database, and prints what it adds and changes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="sqlite:///./old.db or postgresql://user:password@host/name; only read")
        parser.add_argument("--dry-run", action="store_true", help="print the plan, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with source.use(origin="import", actor="manage.py migrate_backoffice"):
                report = migration.migrate(options["url"], dry_run=options["dry_run"])
        except DatabaseError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for line in report.notes:
            self.stderr.write(f"! {line}", style_func=str)
        for line in report.plan:
            self.stdout.write(line)
        self.stderr.write(_outcome(report, dry_run=options["dry_run"]), style_func=str)


def _outcome(report: migration.Report, *, dry_run: bool) -> str:
    noted = f"{len(report.notes)} notes" if len(report.notes) != 1 else "1 note"
    if not report.plan:
        return f"Nothing to change; {noted}."
    if dry_run:
        return f"A dry run: nothing was written; {noted}."
    return f"Applied as revision {report.revision}; {noted}."
