"""manage.py create_key PROJECT: a key for calls."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access import selectors
from access.management.outcome import as_command
from access.services import create_key


class Command(BaseCommand):
    help = "Creates a key of a project and prints it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project")
        parser.add_argument("--name", default="default")

    def handle(self, *args: Any, **options: Any) -> None:
        project = selectors.projects().filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f'There is no project "{options["project"]}".')
        with as_command("create_key"):
            _, text = create_key(project=project, name=options["name"])
        self.stdout.write(text)
