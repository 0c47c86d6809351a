"""The prompt: words, files and the standard input, in this order, an empty line between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gateway_project.calling.usage import WrongUsage

STDIN = "-"


def read(words: Sequence[str], files: Sequence[str], stdin: TextIO | None) -> str:
    """The standard input is read where `-` stands for it, or where there is no other prompt and it is no terminal."""
    asked = [*words, *files].count(STDIN)
    if asked > 1:
        raise WrongUsage("- stands for the standard input once only.")
    parts = [of_stdin(stdin) if word == STDIN else _valid(word) for word in words]
    parts += [of_stdin(stdin) if name == STDIN else of_file(name) for name in files]
    if not parts and stdin is not None and not stdin.isatty():
        parts = [of_stdin(stdin)]
    prompt = "\n\n".join(part.rstrip("\n") for part in parts if part.strip())
    if not prompt:
        raise WrongUsage("There is no prompt: give words, --file, or the standard input.")
    return prompt


def of_file(name: str) -> str:
    try:
        return decoded(Path(name).read_bytes(), name)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise WrongUsage(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def of_stdin(stdin: TextIO | None) -> str:
    if stdin is None:  # it was closed before the program began
        raise WrongUsage("The standard input cannot be read: it is closed.")
    data = getattr(stdin, "buffer", None)
    return stdin.read() if data is None else decoded(data.read(), "The standard input")


def decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUsage(f"{name} is no text in UTF-8.") from None


def _valid(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:  # bytes that are none, as Python takes them from a command line
        raise WrongUsage("The prompt is no text in UTF-8.") from None
    return word
