"""manage.py export_config: the configuration as YAML."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from providers.config_file import exporting, states


class Command(BaseCommand):
    help = "Prints the whole configuration as YAML, without secrets: of a stored one its fingerprint."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(exporting.text(states.read()), ending="")
