"""The arguments of `manage.py call`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

from gateway_project.calling.usage import WrongUsage

WHICH_MODEL: Final = "Which model? Name it by --model, or as the first word."
EXAMPLES: Final = """\
examples:
  manage.py call --model fast "Say hello"
  manage.py call fast "Say hello"                      the same: without --model the first word is the model
  git diff | manage.py call --model fast "Review this:" -
  manage.py call --model fast "Compare:" --file a.txt --file b.txt
  manage.py call --batch questions.jsonl --model fast --output answers.jsonl
  manage.py call --batch questions.jsonl --model fast --output answers.jsonl --resume
  manage.py call --url https://gateway.example --model fast "Hello"   the key: LLM_GATEWAY_PROJECT_KEY

A line of a batch is a text, or {"prompt": ..., "model": ..., "system": ..., "temperature": ..., "max_tokens": ...,
"session": ..., "user": ..., "tags": {...}, "timeout": ..., "request_id": ...}: what it does not say, the arguments say.

exit status: 0 good; 1 the call failed; 2 wrong usage; 3 some of a batch failed; 130 interrupted, and what is done is
kept; 141 the reader of the output left.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("words", nargs="*", metavar="PROMPT", help="the prompt; - is what stands in the standard input")
    parser.add_argument("-m", "--model", help="a route, provider/model, or a model's own id")
    parser.add_argument("-f", "--file", action="append", default=[], metavar="PATH", help="part of the prompt")
    _add_of_the_call(parser)
    _add_of_the_output(parser)
    _add_of_batches(parser)
    _add_of_the_way(parser)


def _add_of_the_call(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the call")
    group.add_argument("--system", metavar="TEXT", help="the system prompt")
    group.add_argument("--temperature", type=float, metavar="NUMBER")
    group.add_argument("--max-tokens", type=int, metavar="NUMBER", help="of the answer")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="for the whole call (default: 600)")
    group.add_argument("--tag", action="append", default=[], metavar="NAME=VALUE", help="for the record of the call")
    group.add_argument("--session", metavar="ID", help="the session that the call belongs to")
    group.add_argument("--user", metavar="ID", help="the end user that it is made for")


def _add_of_the_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the output")
    group.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the text as it comes (default: to a terminal)",
    )
    group.add_argument("--json", action="store_true", help="the whole response as JSON, with the endpoint's own answer")


def _add_of_batches(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("batches")
    group.add_argument("--batch", metavar="FILE", help="a request a line (- is the standard input); answers are JSON")
    group.add_argument("--concurrency", type=int, metavar="NUMBER", help="calls at a time (default: 8)")
    group.add_argument("--output", metavar="FILE", help="for the answers, in the order of the requests")
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the file of --output: what is answered there is not asked again, what failed there is",
    )


def _add_of_the_way(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the way (default: in this process, with the configuration of the database)")
    group.add_argument("--url", help="a gateway to call over HTTP (LLM_GATEWAY_URL)")
    group.add_argument("--key", help="a project's key; better in LLM_GATEWAY_PROJECT_KEY: arguments can be read by all")
    group.add_argument("--project", metavar="SLUG", help="in this process: who calls (default: default)")


def with_model(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` with the model, also where it was the first word. WrongUsage for what does not go together."""
    words = list(options["words"])
    model = options["model"]
    if model is None and words and words[0] != "-":
        model = words.pop(0)
        if model.split() != [model]:
            raise WrongUsage(WHICH_MODEL)
    found = {**options, "model": model, "words": words}
    _check(found)
    return found


def _check(options: Mapping[str, Any]) -> None:
    if options["stream"] and options["json"]:
        raise WrongUsage("--stream and --json: JSON is written as a whole.")
    if options["batch"] is None:
        if options["model"] is None:
            raise WrongUsage(WHICH_MODEL)
        for name in ("output", "resume", "concurrency"):
            if options[name]:
                raise WrongUsage(f"--{name} is for batches: it needs --batch.")
        return
    if options["words"] or options["file"]:
        raise WrongUsage("A batch has its prompts in its file: no others can be given.")
    if options["stream"]:
        raise WrongUsage("A batch is not streamed.")
    if options["resume"] and not options["output"]:
        raise WrongUsage("--resume needs the --output that it goes on with.")
    if options["concurrency"] is not None and options["concurrency"] < 1:
        raise WrongUsage("--concurrency must be 1 or more.")
