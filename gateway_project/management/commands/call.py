"""`manage.py call`: one call to a model, or a batch of them, for people; see gateway_project.calling."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from gateway_project.calling import arguments, batch, one, prompts, requests, results, usage, ways
from gateway_project.calling.progress import Progress
from gateway_project.calling.usage import WrongUsage
from llm_gateway_client import LLMRequest, LLMResponse
from llm_gateway_client.client import Client

_CONCURRENCY: Final = 8


class Command(BaseCommand):
    help = "Calls a model, by --model or as the first word: shows its answer, or those to a batch of requests."
    requires_system_checks = []
    # Tests give their own.
    stdin: TextIO | None = None
    environment: Mapping[str, str] = os.environ

    def create_parser(self, *names: str, **kwargs: Any) -> CommandParser:
        """Options may stand between the words."""
        parser = super().create_parser(*names, **kwargs)
        parser.parse_args = parser.parse_intermixed_args
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if sys.stderr is None:  # closed before the program began: there is nobody to tell how far it is
            self.stderr = OutputWrapper(io.StringIO())
        with _told(self):
            options = arguments.with_model(options)
            if sys.stdout is None and not options["output"]:
                raise WrongUsage("The standard output is closed: nobody would see the answer.")
            if options["batch"] is None:
                self._one(options)
            else:
                self._batch(options)

    def _one(self, options: Mapping[str, Any]) -> None:
        prompt = prompts.read(options["words"], options["file"], self._stdin())
        request = requests.of_options(prompt, options)
        with ways.client(options, self.environment) as client:
            response = asyncio.run(self._shown(client, request, options))
        if response.error_details is not None:
            raise CommandError(one.failure(response), returncode=usage.CALL_FAILED)
        if note := one.note(response):
            self.stderr.write(note, str)

    async def _shown(self, client: Client, request: LLMRequest, options: Mapping[str, Any]) -> LLMResponse:
        screen = Plain(self.stdout)
        stream = screen.isatty() if options["stream"] is None else options["stream"]
        async with client:
            if stream and not options["json"]:
                return await one.streamed(client, request, screen)
            return await one.whole(client, request, screen, as_json=options["json"])

    def _batch(self, options: Mapping[str, Any]) -> None:
        name = options["batch"]
        text = prompts.of_stdin(self._stdin()) if name == prompts.STDIN else prompts.of_file(name)
        lines = requests.of_batch(text, options)
        output = Path(options["output"]) if options["output"] else None
        done = _done(output, lines, resume=options["resume"])
        left = [line for line in lines if line.number not in done]
        live = self.stderr.isatty() and not (output is None and self.stdout.isatty())
        progress = Progress(Plain(self.stderr), len(lines), len(done), live=live)
        with ways.client(options, self.environment) as client:
            if output is None:
                kept: results.Results = results.InOrder(Plain(self.stdout), left, raw=options["json"])
            else:
                kept = results.InFile(output, raw=options["json"])
            try:
                concurrency = options["concurrency"] or _CONCURRENCY
                asyncio.run(batch.run(client, left, kept, progress, concurrency=concurrency))
            finally:
                kept.close()
                progress.end()
        if progress.failed:
            again = "" if output is None else " (--resume asks them again)"
            raise CommandError(f"{progress.failed:,} of the calls failed{again}.", returncode=usage.SOME_FAILED)

    def _stdin(self) -> TextIO | None:
        return self.stdin or sys.stdin


def _done(output: Path | None, lines: list[requests.Line], *, resume: bool) -> set[int]:
    if output is None:
        return set()
    if resume:
        return results.answered(output, lines)
    if output.exists():
        raise WrongUsage(f"{output} is there already: --resume goes on with it; or choose another.")
    return set()


class Plain:
    """A stream of Django's without the line ends and colours that it adds. What has no letters there becomes ?."""

    def __init__(self, wrapper: OutputWrapper) -> None:
        self._wrapper = wrapper
        reconfigure: Callable[..., None] | None = getattr(wrapper, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")

    def write(self, text: str) -> None:
        self._wrapper.write(text, str, ending="")

    def flush(self) -> None:
        self._wrapper.flush()

    def isatty(self) -> bool:
        return self._wrapper.isatty()


@contextmanager
def _told(command: BaseCommand) -> Iterator[None]:
    """Wrong usage, an interruption and a reader that left as exit statuses."""
    try:
        yield
    except WrongUsage as error:
        raise CommandError(str(error), returncode=usage.WRONG_USAGE) from error
    except KeyboardInterrupt:
        command.stderr.write("Interrupted.", str)
        sys.exit(usage.INTERRUPTED)
    except BrokenPipeError:
        # Python would write what is left at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(usage.READER_LEFT)
    except OSError as error:
        raise CommandError(f"It ended early: {error}", returncode=usage.CALL_FAILED) from error
