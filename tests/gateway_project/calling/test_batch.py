"""A batch by `manage.py call`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_project.calling.conftest import Caller

QUESTIONS = "".join(f"question {number}\n" for number in range(1, 8))


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def said(text: str) -> list[tuple[int, str]]:
    return [(one["line"], one["generated_content"]) for one in read(text)]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(QUESTIONS)
    return path


async def test_answers_come_in_order_one_a_line(call: Caller, questions: Path) -> None:
    ran = await call("echo", "--batch", str(questions), "--concurrency", "3")
    assert ran.status == 0
    assert said(ran.out) == [(number, f"Echo: question {number}") for number in range(1, 8)]
    assert "raw" not in read(ran.out)[0]
    assert ran.told.endswith("7 of 7 done, 0 failed, 35 tokens, no price known\n")


async def test_a_line_may_say_more_than_its_prompt(call: Caller) -> None:
    conversation = [{"role": "user", "content": "before"}, {"role": "user", "content": "the last one"}]
    lines = [
        "a text, with \\n as it stands",
        '"a JSON string,\\ntwo lines"',
        '"only quoted" at first',
        "",
        json.dumps({"prompt": "brief", "max_tokens": 1, "tags": {"own": "1"}, "session": "s-2", "request_id": "r-5"}),
        json.dumps({"prompt": conversation, "model": "echo", "temperature": None}),
    ]
    arguments = ["--model", "echo", "--tag", "all=1", "--user", "u-1", "--json"]
    ran = await call("--batch", "-", *arguments, stdin="\n".join(lines))
    assert ran.status == 0
    assert said(ran.out) == [
        (1, "Echo: a text, with \\n as it stands"),
        (2, "Echo: a JSON string,\ntwo lines"),
        (3, 'Echo: "only quoted" at first'),
        (5, "Echo:"),
        (6, "Echo: the last one"),
    ]
    assert read(ran.out)[0]["raw"]["object"] == "chat.completion"
    records = {record.request_id: record for record in call.served.memory.records}
    assert records["r-5"].tags == {"session_id": "s-2", "all": "1", "own": "1"}
    assert {record.end_user for record in records.values()} == {"u-1"}


WRONG = {
    "no JSON": ('{"prompt": ', "Line 2: it is no JSON"),
    "no prompt": ('{"model": "echo"}', 'Line 2: the object has no "prompt"'),
    "an empty prompt": ('{"prompt": ""}', "Line 2: the prompt is empty"),
    "an empty list": ('{"prompt": []}', "Line 2: the prompt is empty"),
    "a number": ('{"prompt": 5}', "Line 2: LLMRequest.prompt_content must be"),
    "an unknown field": ('{"prompt": "secret", "temprature": 1}', 'Line 2: the object has no field "temprature"'),
    "a wrong type": ('{"prompt": "secret", "max_tokens": "5"}', "Line 2: LLMConfig.max_tokens must be"),
    "wrong tags": ('{"prompt": "secret", "tags": ["a"]}', "Line 2: InterventionContext.tags must be"),
    "no model": ('{"prompt": "secret", "model": 5}', "Line 2: LLMConfig.model_identifier must be"),
    "half a character": ('{"prompt": "secret \\ud800"}', "Line 2: The request holds what JSON cannot"),
    "a number too large": (
        f'{{"prompt": "secret", "temperature": {10**400}}}',
        "Line 2: LLMConfig.temperature must be",
    ),
}


@pytest.mark.parametrize(("line", "told"), WRONG.values(), ids=WRONG)
async def test_a_wrong_line_is_told_before_anything_is_sent(call: Caller, line: str, told: str) -> None:
    ran = await call("echo", "--batch", "-", stdin=f"good\n{line}\n")
    assert (ran.status, ran.out) == (2, "")
    assert ran.told.startswith(told)
    assert "secret" not in ran.told
    assert call.served.memory.records == []


async def test_every_line_needs_a_model(call: Caller) -> None:
    ran = await call("--batch", "-", stdin='{"prompt": "x", "model": "echo"}\ny\n')
    assert (ran.status, ran.out, ran.told[:20]) == (2, "", "Line 2: Which model?")


async def test_failures_are_lines_too(call: Caller) -> None:
    ran = await call("echo", "--batch", "-", stdin=QUESTIONS + '{"prompt": "x", "model": "bad"}\n')
    assert ran.status == 3
    last = read(ran.out)[-1]
    assert (last["line"], last["error_details"]["code"], last["generated_content"]) == (8, "invalid_request", None)
    assert len(read(ran.out)) == 8
    assert ran.told.endswith("8 of 8 done, 1 failed, 35 tokens, no price known\n1 of the calls failed.\n")


async def test_an_output_is_made_once_and_gone_on_with(call: Caller, questions: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    arguments = ["echo", "--batch", str(questions), "--output", str(output)]
    first = await call(*arguments)
    assert (first.status, first.out) == (0, "")
    whole = output.read_text()
    assert [one["line"] for one in read(whole)] == [1, 2, 3, 4, 5, 6, 7]
    again = await call(*arguments)
    assert again.status == 2
    assert "is there already" in again.told
    assert output.read_text() == whole
    resumed = await call(*arguments, "--resume")
    assert (resumed.status, len(call.served.memory.records)) == (0, 7)
    assert output.read_text() == whole
    assert resumed.told == "7 of 7 done (7 earlier), 0 failed, 0 tokens, $0.0000\n"


async def test_what_is_missing_torn_or_failed_is_asked_again(call: Caller, questions: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    arguments = ["--batch", str(questions), "--output", str(output), "--resume"]
    assert (await call("echo", *arguments)).status == 0  # --resume with nothing to go on with begins
    lines = output.read_text().splitlines(keepends=True)
    failed = json.loads(lines[1])
    failed["error_details"] = {"code": "upstream_timeout", "message": "", "request_id": "r"}
    output.write_text(lines[5] + json.dumps(failed) + "\n" + lines[0] + lines[3][:40])
    output.chmod(0o640)
    call.served.memory.records.clear()
    assert (await call("echo", *arguments)).status == 0
    assert len(call.served.memory.records) == 5
    assert said(output.read_text()) == [(number, f"Echo: question {number}") for number in range(1, 8)]
    kept = output.read_text().splitlines(keepends=True)
    assert (kept[0], kept[5]) == (lines[0], lines[5])
    assert output.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["answers.jsonl", "questions.jsonl"]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ('{"line": 1, "input": "another"}\n', "another line 1"),
        ("a letter\n", "no batch has written"),
        ("a letter", "no batch"),
    ],
)
async def test_a_strange_output_is_left_alone(
    call: Caller, questions: Path, tmp_path: Path, held: str, told: str
) -> None:
    output = tmp_path / "answers.jsonl"
    output.write_text(held)
    ran = await call("echo", "--batch", str(questions), "--output", str(output), "--resume")
    assert ran.status == 2
    assert told in ran.told
    assert output.read_text() == held
    assert call.served.memory.records == []


async def test_progress_is_a_line_of_the_terminal(call: Caller, questions: Path, tmp_path: Path) -> None:
    ran = await call("echo", "--batch", str(questions), "--output", str(tmp_path / "o"), terminal=True)
    assert ran.told.startswith("\r\x1b[K1 of 7 done")
    assert ran.told.endswith("\r\x1b[K7 of 7 done, 0 failed, 35 tokens, no price known\n")
    assert ran.told.count("\n") == 1
    both = await call("echo", "--batch", str(questions), terminal=True)
    assert "\r" not in both.told  # the answers themselves are on the screen


REFUSED = {
    "with a prompt": (["echo", "--batch", "-", "a prompt"], "no others can be given"),
    "with a file": (["echo", "--batch", "-", "--file", "x"], "no others can be given"),
    "streamed": (["echo", "--batch", "-", "--stream"], "not streamed"),
    "resume without output": (["echo", "--batch", "-", "--resume"], "needs the --output"),
    "none at a time": (["echo", "--batch", "-", "--concurrency", "-1"], "1 or more"),
    "nothing in it": (["echo", "--batch", "-"], "no request in the batch"),
    "no such file": (["echo", "--batch", "/nowhere"], "/nowhere cannot be read"),
    "no such folder": (["echo", "--batch", "{batch}", "--output", "/nowhere/o"], "/nowhere/o cannot be written"),
}


@pytest.mark.parametrize(("arguments", "told"), REFUSED.values(), ids=REFUSED)
async def test_what_does_not_go_together(call: Caller, questions: Path, arguments: list[str], told: str) -> None:
    ran = await call(*[one.format(batch=questions) for one in arguments])
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.told
