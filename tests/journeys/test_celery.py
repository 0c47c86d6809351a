"""`llm.generate`, submitted by a plain Celery application in another process that has none of our code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import redis

from tests.support.eventually import eventually
from tests.support.gateway import GatewayProcess
from tests.support.load import Load
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, text

CROWD = 150  # of the 200 that a worker takes at a time
PROGRAM = """
import json, sys
from celery import Celery
app = Celery(broker=sys.argv[1], backend=sys.argv[1])
app.conf.task_serializer = "json"
result = app.send_task("llm.generate", kwargs=json.loads(sys.argv[2]), queue="llm")
try:
    print(json.dumps({"id": result.id, "result": result.get(timeout=60)}))
except Exception as error:
    meta = app.backend.get(app.backend.get_key_for_task(result.id))
    print(json.dumps({"id": result.id, "class": type(error).__name__, "args": error.args, "meta": json.loads(meta)}))
"""
SAY = [{"role": "user", "content": "hello from a task"}]


def submit(gateway: GatewayProcess, folder: Path, **kwargs: Any) -> dict[str, Any]:
    """Run in `folder`, so that our code is not importable."""
    command = [sys.executable, "-c", PROGRAM, gateway.redis_url(), json.dumps(kwargs)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=90)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_a_task_gets_the_endpoints_answer(gateway: GatewayProcess, providers: list[str], tmp_path: Path) -> None:
    told = submit(gateway, tmp_path, body={"model": providers[1], "messages": SAY}, project="default")
    result = told["result"]
    assert "hello from a task" in result["response"]["choices"][0]["message"]["content"]
    assert (result["gateway"]["provider"], result["gateway"]["attempts"]) == ("anthropic-fake", 1)
    assert result["gateway"]["usage"]["output_tokens"] > 0
    call = eventually(lambda: _call(gateway, result["gateway"]["call_id"]))
    assert (call["endpoint"], call["request_id"], call["status"]) == ("chat/completions", told["id"], "succeeded")


def test_a_task_ends_in_the_time_that_it_is_given(gateway: GatewayProcess, tmp_path: Path) -> None:
    models = [{"model_id": "slow", "parameters": {"delay_seconds": 300}}]
    body = {"provider_id": "patient", "provider_type": "echo", "models": models}
    assert gateway.rest("POST", "/providers", json=body).status_code == 201
    began = time.monotonic()
    try:
        told = submit(gateway, tmp_path, body={"model": "patient/slow", "messages": SAY}, timeout_seconds=0.5)
    finally:
        gateway.rest("DELETE", "/providers/patient")
    assert told["args"][1] == "upstream_timeout"
    assert time.monotonic() - began < 20  # the provider's own limit is half a minute


def test_a_task_may_speak_anthropic(gateway: GatewayProcess, tmp_path: Path) -> None:
    body = {"model": "echo", "max_tokens": 50, "messages": SAY}
    result = submit(gateway, tmp_path, body=body, endpoint="messages", metadata={"team": "x"})["result"]
    assert result["response"]["content"][0]["text"].endswith("hello from a task")
    assert eventually(lambda: _call(gateway, result["gateway"]["call_id"]))["tags"] == {"team": "x"}


def test_a_task_may_ask_for_embeddings_and_for_a_response(gateway: GatewayProcess, tmp_path: Path) -> None:
    body = {"model": "echo", "input": ["one", "two"], "user": "u-1"}
    result = submit(gateway, tmp_path, body=body, endpoint="embeddings", request_id="label-1")["result"]
    assert [len(row["embedding"]) > 0 for row in result["response"]["data"]] == [True, True]
    call = eventually(lambda: _call(gateway, result["gateway"]["call_id"]))
    assert (call["endpoint"], call["request_id"], call["end_user"]) == ("embeddings", "label-1", "u-1")
    body = {"model": "echo", "input": "hello from a task"}
    told = submit(gateway, tmp_path, body=body, endpoint="responses", request_id="not a label")
    result = told["result"]
    assert result["response"]["output"][0]["content"][0]["text"].endswith("hello from a task")
    call = eventually(lambda: _call(gateway, result["gateway"]["call_id"]))
    assert (call["endpoint"], call["request_id"]) == ("responses", told["id"])


def test_a_failed_call_fails_the_task_with_its_class(gateway: GatewayProcess, tmp_path: Path) -> None:
    told = submit(gateway, tmp_path, body={"model": "no-such-model", "messages": SAY})
    assert told["class"] == "ModelNotFound"
    assert (told["meta"]["result"]["exc_type"], told["meta"]["result"]["exc_module"]) == ("ModelNotFound", "llm.errors")
    assert told["meta"]["result"]["exc_message"][1:] == ["model_not_found", False]


def test_wrong_tasks_are_refused_by_field(gateway: GatewayProcess, tmp_path: Path) -> None:
    streamed = submit(gateway, tmp_path, body={"model": "echo", "messages": SAY, "stream": True})
    assert streamed["class"] == "InvalidRequest" and "stream" in streamed["args"][0]
    nowhere = submit(gateway, tmp_path, body={"model": "echo", "messages": SAY}, endpoint="nowhere")
    assert nowhere["class"] == "InvalidRequest" and "endpoint" in nowhere["args"][0]


def test_a_project_must_accept_tasks(gateway: GatewayProcess, tmp_path: Path) -> None:
    assert gateway.rest("POST", "/projects", json={"slug": "no-tasks"}).status_code == 201
    told = submit(gateway, tmp_path, body={"model": "echo", "messages": SAY}, project="no-tasks")
    assert told["class"] == "InvalidRequest" and "task" in told["args"][0]


def test_many_tasks_that_end_at_once_are_all_acknowledged(gateway: GatewayProcess) -> None:
    with FakeUpstream.in_thread() as crowd:
        crowd.default = held(text("at last"))
        body = {
            "provider_id": "crowd",
            "provider_type": "openai",
            "connection_params": {"api_base": f"{crowd.url}/v1"},
            "models": [{"model_id": "m"}],
            "api_key": {"key_value": "sk-test"},
        }
        assert gateway.rest("POST", "/providers", json=body).status_code == 201
        load = Load(gateway)
        for _ in range(CROWD):
            load.submit("crowd/m")
        crowd.wait_request(CROWD, seconds=20)
        crowd.release()
        eventually(lambda: not load.unfinished(), seconds=20)
        eventually(lambda: not load.missing())
        assert len(crowd.requests) == CROWD
    with redis.Redis.from_url(gateway.redis_url()) as client:
        eventually(lambda: list(client.scan_iter("llm_gateway:unacked:*", count=1000)) == [])


def _call(gateway: GatewayProcess, call_id: str) -> dict[str, Any] | None:
    answer = gateway.rest("GET", f"/calls/{call_id}")
    return answer.json() if answer.status_code == 200 else None
