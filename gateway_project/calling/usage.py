"""The exit statuses of `manage.py call`, and wrong usage."""

from __future__ import annotations

from typing import Final

CALL_FAILED: Final = 1
WRONG_USAGE: Final = 2
SOME_FAILED: Final = 3
INTERRUPTED: Final = 130
READER_LEFT: Final = 141  # as a shell tells a program that SIGPIPE ended


class WrongUsage(Exception):
    """What was asked cannot be done; the message says why. It shows nothing of a prompt and no key."""
