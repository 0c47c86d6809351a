"""manage.py create_user NAME: a user of the admin and the management API."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access import roles
from access.management.outcome import as_command
from access.services import create_user


class Command(BaseCommand):
    help = "Creates a user and prints the name. The password comes from the terminal or from a variable."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--group", action="append", default=[], help="viewer, operator or admin; may be repeated")
        parser.add_argument("--password-env", metavar="NAME", help="the variable that holds the password")
        parser.add_argument("--superuser", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        password = _password(options["password_env"])
        with as_command("create_user"):
            roles.ensure_groups()
            user = create_user(
                username=options["name"],
                password=password,
                groups=options["group"],
                superuser=options["superuser"],
            )
        self.stdout.write(user.get_username())


def _password(variable: str | None) -> str:
    if variable is not None:
        password = os.environ.get(variable)
        if not password:
            raise CommandError(f"The variable {variable} is not set or empty.")
        return password
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for a password: use --password-env NAME.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Password (again): "):
        raise CommandError("The two passwords differ.")
    return password
