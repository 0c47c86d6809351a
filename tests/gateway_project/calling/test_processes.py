"""`manage.py call` as a person runs it: processes of their own, pipes, interruptions, and the database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.gateway_project.calling.conftest import Caller
from tests.llm.service.snapshots import KEY
from tests.support.eventually import eventually
from tests.support.gateway import ROOT, clean_environment, manage

COMMAND = [sys.executable, str(ROOT / "manage.py"), "call"]

CONFIGURATION = """
version: 1
providers:
  echo:
    provider_type: echo
    models: {echo: {}, slow: {parameters: {tokens_per_second: 1}}}
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a gateway that is set up and does not run; its model `slow` says a word a second."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "config.yaml").write_text(CONFIGURATION)
    environment = clean_environment(folder, CONFIG_PATH=str(folder / "config.yaml"))
    made = manage(environment, "init_db", "--sync")
    assert made.returncode == 0, made.stderr
    return environment


def test_in_this_process_the_call_is_recorded(local: Mapping[str, str]) -> None:
    ran = manage(dict(local), "call", "echo", "Hello to the record", "--tag", "team=x", "--session", "s-1")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Echo: Hello to the record\n", "")
    [(status, project, tags)] = records(local, "echo")
    assert (status, project, json.loads(tags)) == ("succeeded", "default", {"session_id": "s-1", "team": "x"})
    data = Path(local["LLM_GATEWAY_DATA_DIR"])
    assert not [file for file in data.rglob("*") if file.is_file() and b"to the record" in file.read_bytes()]


def records(local: Mapping[str, str], model: str) -> list[tuple[str, str, str]]:
    query = "SELECT status, project, tags FROM audit_call WHERE model = ?"
    with sqlite3.connect(local["LLM_GATEWAY_DATABASE_URL"].removeprefix("sqlite:///")) as database:
        return database.execute(query, [model]).fetchall()


def test_an_interrupted_call_is_ended_and_recorded(local: Mapping[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "slow", "--stream", "word " * 100],
        env=local,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.read(5) == b"Echo:"
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, b"Interrupted.\n")
    assert out.endswith(b"\n")
    assert [status for status, _, _ in records(local, "slow")] == ["cancelled"]


def test_a_project_that_is_not_there(local: Mapping[str, str]) -> None:
    ran = manage(dict(local), "call", "echo", "Hello", "--project", "nobody")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "request id " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_a_database(tmp_path: Path) -> None:
    ran = manage(clean_environment(tmp_path), "call", "echo", "Hello")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("CommandError: The database's configuration cannot be read.")
    assert manage(clean_environment(tmp_path), "call", "echo", "Hello", "--max-tokens", "many").returncode == 2


def closed(number: int) -> Callable[[], None]:
    """What a shell's `<&-`, `>&-` and `2>&-` do."""
    return lambda: os.close(number)


@pytest.mark.parametrize(
    ("number", "words", "status", "said"),
    [
        (0, ["echo"], 2, "There is no prompt"),
        (0, ["echo", "-"], 2, "The standard input cannot be read: it is closed."),
        (0, ["echo", "Hello"], 0, "Echo: Hello\n"),
        (1, ["echo", "Hello"], 2, "The standard output is closed"),
        (2, ["echo", "Hello"], 0, "Echo: Hello\n"),
    ],
)
def test_what_is_closed_is_no_traceback(
    local: Mapping[str, str], number: int, words: list[str], status: int, said: str
) -> None:
    ran = subprocess.run(
        [*COMMAND, *words], env=local, capture_output=True, text=True, timeout=60, preexec_fn=closed(number)
    )
    assert ran.returncode == status
    assert said in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_bytes_that_are_no_text_are_wrong_usage(local: Mapping[str, str]) -> None:
    ran = subprocess.run(
        [*COMMAND, "echo", "Hello", "--system", b"\xff"], env=local, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("CommandError: The request holds what JSON cannot")


def test_a_reader_that_leaves_ends_it_quietly(local: Mapping[str, str]) -> None:
    text = "a line of some length\n" * 20_000  # more than a pipe holds
    with subprocess.Popen(
        [*COMMAND, "echo", "-"],
        env=local,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(text)
        process.stdin.close()
        assert process.stdout.readline() == "Echo: a line of some length\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == ("", 141)


async def test_an_interrupted_batch_keeps_what_is_done_and_goes_on(call: Caller, tmp_path: Path) -> None:
    """Line 2 takes a minute; lines 3 to 9 are answered meanwhile."""
    output, questions = tmp_path / "answers.jsonl", tmp_path / "questions.jsonl"
    slow = json.dumps({"prompt": "question 2", "model": "slow"})
    questions.write_text("\n".join(["question 1", slow, *[f"question {number}" for number in range(3, 10)]]))
    environment = clean_environment(tmp_path, URL=call.served.url, PROJECT_KEY=KEY)
    arguments = [*COMMAND, "echo", "--batch", str(questions), "--concurrency", "2"]

    def answered() -> bool:
        return output.exists() and len(output.read_text().splitlines()) == 8

    def all_but_one_asked() -> bool:
        return len(call.served.memory.records) == 8

    def interrupt(when: Callable[[], bool], *more: str) -> tuple[int, str, str]:
        call.served.memory.records.clear()
        with subprocess.Popen(
            [*arguments, *more], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            eventually(when, seconds=30)
            process.send_signal(signal.SIGINT)
            out, told = process.communicate(timeout=30)
        return process.returncode, out, told

    status, _, told = await asyncio.to_thread(interrupt, answered, "--output", str(output))
    assert (status, told.splitlines()[-1]) == (130, "Interrupted.")
    lines = [json.loads(line)["line"] for line in output.read_text().splitlines()]
    assert lines == [1, 3, 4, 5, 6, 7, 8, 9]
    status, out, told = await asyncio.to_thread(interrupt, all_but_one_asked)
    assert (status, told.splitlines()[-1]) == (130, "Interrupted.")
    assert [json.loads(line)["line"] for line in out.splitlines()][:7] == lines[:7]  # the last may be on its way

    questions.write_text(questions.read_text().replace('"slow"', '"echo"'))  # it was not answered: it may change
    resume = [*arguments, "--output", str(output), "--resume"]
    ran = await asyncio.to_thread(subprocess.run, resume, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("9 of 9 done (8 earlier), 0 failed")
    assert [json.loads(line)["line"] for line in output.read_text().splitlines()] == list(range(1, 10))
