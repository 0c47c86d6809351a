"""One call by `manage.py call`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gateway_project.calling.conftest import Caller, Terminal
from tests.llm.service.snapshots import KEY


async def test_the_model_is_an_option_or_the_first_word(call: Caller) -> None:
    by_option = await call("--model", "echo", "Say", "hello")
    assert (by_option.status, by_option.out, by_option.told) == (0, "Echo: Say\n\nhello\n", "")
    assert (await call("echo", "Say hello")).out == "Echo: Say hello\n"
    assert (await call("Say", "--model", "echo", "hello", "--", "--json")).out == "Echo: Say\n\nhello\n\n--json\n"


async def test_the_prompt_comes_from_words_files_and_a_pipe(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("file a\n")
    (tmp_path / "b.txt").write_bytes("\ufefffile ä\r\n".encode())
    files = ["--file", str(tmp_path / "a.txt"), "--file", str(tmp_path / "b.txt")]
    assert (await call("echo", "words", *files)).out == "Echo: words\n\nfile a\n\nfile ä\n"
    assert (await call("echo", stdin="piped\n")).out == "Echo: piped\n"
    assert (await call("echo", "before", "-", "after", stdin="piped")).out == "Echo: before\n\npiped\n\nafter\n"
    assert (await call("echo", "only words", stdin="not asked for")).out == "Echo: only words\n"
    assert (await call("--model", "echo", "--file", "-", stdin="as a file")).out == "Echo: as a file\n"


async def test_a_terminal_sees_the_answer_as_it_comes(call: Caller) -> None:
    ran = await call("echo", "one \x1b[31mtwo\x07\nthree\t.", terminal=True)
    assert (ran.status, ran.out) == (0, "Echo: one [31mtwo\nthree\t.\n")  # nothing that steers a terminal
    assert call.served.memory.records[-1].stream is True
    assert (await call("echo", "--no-stream", "x", terminal=True)).out == "Echo: x\n"
    assert call.served.memory.records[-1].stream is False


async def test_a_pipe_gets_it_whole_but_where_it_is_streamed(call: Caller) -> None:
    assert (await call("echo", "one \x1b[31mtwo")).out == "Echo: one \x1b[31mtwo\n"
    assert call.served.memory.records[-1].stream is False
    assert (await call("echo", "--stream", "one two")).out == "Echo: one two\n"
    assert call.served.memory.records[-1].stream is True


async def test_json_is_the_whole_response(call: Caller) -> None:
    ran = await call("echo", "--json", "Hello", terminal=True)
    response = json.loads(ran.out)
    assert (response["generated_content"], response["finish_reason"]) == ("Echo: Hello", "stop")
    assert response["usage"]["total_tokens"] == 3
    assert response["raw"]["object"] == "chat.completion"
    assert response["call_id"] == call.served.memory.records[-1].call_id


async def test_what_the_arguments_say_reaches_model_and_record(call: Caller) -> None:
    limits = ["--max-tokens", "2", "--temperature", "0.5", "--timeout", "30", "--system", "Be brief."]
    who = ["--tag", "team=x", "--tag", "urgent", "--session", "s-1", "--user", "u-1"]
    ran = await call("echo", *limits, *who, "one two three")
    assert (ran.status, ran.out) == (0, "Echo: one\n")
    assert ran.told == "The answer was cut: it reached the limit of tokens.\n"
    record = call.served.memory.records[-1]
    assert record.tags == {"session_id": "s-1", "team": "x", "urgent": ""}
    assert (record.end_user, record.input_tokens) == ("u-1", 5)


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_call_that_fails_says_why(call: Caller, terminal: bool) -> None:
    ran = await call("bad", "Hello", terminal=terminal)
    assert (ran.status, ran.out) == (1, "")
    request_id = call.served.memory.records[-1].request_id
    assert ran.told == f"Echo was told to fail with 400. (invalid_request, request id {request_id})\n"
    unknown = await call("gone", "Hello", terminal=terminal)
    assert unknown.status == 1
    assert "(model_not_found, request id " in unknown.told


async def test_the_json_of_a_failure_goes_out_too(call: Caller) -> None:
    ran = await call("bad", "--json", "Hello")
    assert ran.status == 1
    assert json.loads(ran.out)["error_details"]["code"] == "invalid_request"


async def test_a_call_ends_with_its_time(call: Caller) -> None:
    ran = await call("slow", "--timeout", "0.2", "Hello")
    assert ran.status == 1
    assert "(upstream_timeout, request id " in ran.told


async def test_address_and_key_may_be_arguments(call: Caller) -> None:
    call.environment = {}
    assert (await call("echo", "--url", call.served.url, "--key", KEY, "x")).out == "Echo: x\n"
    refused = await call("echo", "--url", call.served.url, "--key", "gw-of-nobody", "x")
    assert refused.status == 1
    assert "(invalid_api_key, request id " in refused.told
    away = await call("echo", "--url", "http://127.0.0.1:9", "--key", KEY, "x")
    assert away.status == 1
    assert "(connection_failed, request id " in away.told


WRONG = {
    "no model": (["Say hello"], "Which model?"),
    "no word at all": ([], "Which model?"),
    "no prompt": (["echo"], "There is no prompt"),
    "an empty prompt": (["echo", " "], "There is no prompt"),
    "no such file": (["echo", "--file", "/nowhere/at/all"], "/nowhere/at/all cannot be read: No such file"),
    "stdin twice": (["echo", "-", "-"], "once only"),
    "no UTF-8": (["echo", "\udcff"], "no text in UTF-8"),
    "not finite": (["echo", "x", "--temperature", "nan"], "temperature must be a number"),
    "no time": (["echo", "x", "--timeout", "0"], "timeout_seconds must be more than 0"),
    "a tag without a name": (["echo", "x", "--tag", "=x"], "must have a name"),
    "a tag that is too long": (["echo", "x", "--tag", "a=" + "x" * 65], "64 printable"),
    "a project over HTTP": (["echo", "x", "--project", "default"], "the key tells the project"),
    "streamed JSON": (["echo", "x", "--json", "--stream"], "--stream and --json"),
    "an output without a batch": (["echo", "x", "--output", "o"], "needs --batch"),
    "resume without a batch": (["echo", "x", "--resume"], "needs --batch"),
    "no number": (["echo", "x", "--max-tokens", "many"], "invalid int value"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
async def test_wrong_usage(call: Caller, arguments: list[str], told: str) -> None:
    ran = await call(*arguments)
    assert told in ran.told
    assert (ran.status, ran.out) in [(2, ""), (1, "")]
    # What Django's parser itself refuses is status 2 on a command line only: test_processes.py.
    assert (ran.status == 2) == ("invalid int" not in told)
    assert call.served.memory.records == []


async def test_a_terminal_is_not_waited_for(call: Caller) -> None:
    assert (await call("echo", stdin=Terminal("typed later"))).status == 2
    assert (await call("echo", "-", stdin=Terminal("typed"))).out == "Echo: typed\n"


@pytest.mark.parametrize("environment", [{"LLM_GATEWAY_PROJECT_KEY": ""}, {"LLM_GATEWAY_URL": "ftp://x"}])
async def test_an_environment_that_is_not_enough(call: Caller, environment: dict[str, str]) -> None:
    call.environment.update(environment)
    assert (await call("echo", "x")).status == 2


async def test_a_key_needs_an_address(call: Caller) -> None:
    call.environment = {}
    ran = await call("echo", "x", "--key", KEY)
    assert ran.status == 2
    assert "--key needs the --url" in ran.told
    assert KEY not in ran.told
