"""manage.py rotate_encryption_key [--new]: encrypts every stored secret with the newest encryption key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_project import key_file
from gateway_project.supervisor.lock import FolderInUse, FolderLock
from providers import rotation


class Command(BaseCommand):
    help = "Encrypts every stored secret with the newest of LLM_GATEWAY_ENCRYPTION_KEY, and prints how many it changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new",
            action="store_true",
            help="first put a new key into the data folder's key file; the gateway is down",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._with_a_new_key() if options["new"] else rotation.rotate()
        self.stdout.write(str(report.reencrypted))
        self.stderr.write(f"{report.reencrypted} re-encrypted, {report.already_newest} had the newest key", str)
        if report.changed_meanwhile:
            self.stderr.write(f"{report.changed_meanwhile} were changed meanwhile: run it again", str)
        for name in report.undecryptable:
            self.stderr.write(f"! {name} cannot be decrypted with any key: enter it anew, or bring its key back", str)
        if report.undecryptable:
            raise CommandError(f"{len(report.undecryptable)} secrets could not be decrypted.")

    def _with_a_new_key(self) -> rotation.Report:
        data_dir = Path(settings.DATA_DIR)
        try:
            lock = FolderLock(data_dir)
        except FolderInUse:
            # Its processes know the old key only: what the new one encrypts they could not read.
            raise CommandError(f"A gateway runs on the data folder {data_dir}: stop it first.") from None
        try:
            return rotation.rotate(key_file.add_newest(data_dir))
        except key_file.NoKeyFile as error:
            raise CommandError(str(error)) from error
        finally:
            lock.release()
