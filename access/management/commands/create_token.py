"""manage.py create_token USER: a token for the management API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from access.management.outcome import as_command
from access.services import create_token


class Command(BaseCommand):
    help = "Creates a token of a user and prints it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--name", default="default")
        parser.add_argument("--expires-in-days", type=int, help="without it the token does not expire")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f'There is no user "{options["user"]}".')
        days = options["expires_in_days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--expires-in-days must be between 1 and 36500.")
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        with as_command("create_token"):
            _, text = create_token(user=user, name=options["name"], expires_at=expires_at)
        self.stdout.write(text)
