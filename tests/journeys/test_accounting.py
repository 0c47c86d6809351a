"""What a whole gateway counts and records: metrics of all its processes, and what becomes of calls whose record cannot
be written."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually
from tests.support.gateway import GatewayProcess, free_port
from tests.support.gateway_processes import children

TOKEN = "a-metrics-token-of-the-suite"
MEGABYTE = 1024 * 1024


def metrics(gateway: GatewayProcess, token: str = TOKEN) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    answer = requests.get(f"{gateway.url}/metrics", headers={"authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for one in family.samples:
            found.setdefault(one.name.removeprefix("llm_gateway_"), {})[frozenset(one.labels.items())] = one.value
    return found


def ended(gateway: GatewayProcess) -> dict[tuple[str, str], float]:
    """Calls by endpoint and status."""
    counted: dict[tuple[str, str], float] = {}
    for labels, number in metrics(gateway).get("requests_total", {}).items():
        known = dict(labels)
        key = (known["endpoint"], known["status"])
        counted[key] = counted.get(key, 0) + number
    return counted


def ready(gateway: GatewayProcess) -> dict[str, Any]:
    answer = requests.get(f"{gateway.url}/ready", timeout=10)
    assert answer.status_code == 200
    modes: dict[str, Any] = answer.json()["modes"]
    return modes


def send_task(gateway: GatewayProcess) -> None:
    from celery import Celery

    app = Celery(broker=gateway.redis_url(), backend=gateway.redis_url())
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
    kwargs = {"endpoint": "messages", "project": "default", "body": body}
    app.send_task("llm.generate", kwargs=kwargs, queue="llm").get(timeout=60)


def test_metrics_are_right_over_all_processes_dead_or_alive(tmp_path: Path) -> None:
    arguments = ["--workers", "2", "--port", str(free_port())]
    values = {"METRICS_TOKEN": TOKEN, "REDIS_PORT": str(free_port())}
    with GatewayProcess(tmp_path, arguments=arguments, **values) as gateway:
        assert requests.get(f"{gateway.url}/metrics", timeout=10).status_code == 401
        for _ in range(20):
            assert gateway.chat("echo").status_code == 200
        assert gateway.chat("none").status_code == 404
        assert gateway.chat("echo", stream=True).text.endswith("data: [DONE]\n\n")
        send_task(gateway)  # only the worker serves tasks
        expected = {
            ("chat/completions", "succeeded"): 21,
            ("chat/completions", "failed"): 1,
            ("messages", "succeeded"): 1,
        }
        assert ended(gateway) == expected
        data = children(gateway.pid)["data"]
        assert len(data) == 2
        for pid in data:
            psutil.Process(pid).send_signal(signal.SIGKILL)
        eventually(lambda: len({*children(gateway.pid)["data"]} - {*data}) == 2)
        eventually(lambda: _answers(gateway))
        assert ended(gateway) == expected
        found = metrics(gateway)
        assert sum(found["time_to_first_token_seconds_count"].values()) == 1
        assert sum(found["active_requests"].values()) == 0
        assert found["provider_up"] == {frozenset({("provider", "echo")}): 1}  # the worker's word
        eventually(lambda: metrics(gateway)["spool_records"] == {frozenset(): 0})
        (revision,) = found["config_revision"].values()
        assert gateway.chat("echo").headers["x-gateway-revision"] == str(int(revision))


def _answers(gateway: GatewayProcess) -> bool:
    try:
        return requests.get(f"{gateway.url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def full_spool(gateway: GatewayProcess) -> Iterator[None]:
    """As if another process had filled the spool and still lived: nobody may take its file away."""
    path = gateway.data_dir / "spool" / "spool-1-1-1.log"
    nascent = path.with_name("nascent")
    with open(nascent, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(bytes(2 * MEGABYTE))
        file.flush()
        nascent.rename(path)
        yield
    eventually(lambda: not path.exists())  # its owner is gone: it is set aside


def test_a_call_that_cannot_be_recorded_is_refused_until_there_is_room(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, SPOOL_MAX_MB="1") as gateway:
        assert "spool" not in ready(gateway)
        with full_spool(gateway):
            refused = gateway.chat("echo")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "record_not_written")
            streamed = gateway.chat("echo", stream=True)
            assert "record_not_written" in streamed.text and "[DONE]" not in streamed.text
            assert ready(gateway)["spool"] == f"the spool is at its bound of {MEGABYTE} bytes: calls are refused"
        eventually(lambda: "spool" not in ready(gateway))
        assert ready(gateway)["damaged_spool_files"] == "1"
        assert gateway.chat("echo").status_code == 200
        eventually(lambda: gateway.rest("GET", "/calls").json()["count"] == 1)
        told = [line for line in gateway.log().splitlines() if "calls cannot be recorded" in line]
        assert len(told) == 1 and '"critical"' in told[0]


def test_where_no_record_is_required_calls_go_on(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, SPOOL_MAX_MB="1", RECORD_REQUIRED="false") as gateway:
        with full_spool(gateway):
            assert gateway.chat("echo").status_code == 200
            assert gateway.chat("echo", stream=True).text.endswith("data: [DONE]\n\n")
            assert ready(gateway)["spool"].endswith("calls are not recorded")
        eventually(lambda: ready(gateway).get("unrecorded_calls") == "2" and "spool" not in ready(gateway))
        assert gateway.chat("echo").status_code == 200
        eventually(lambda: gateway.rest("GET", "/calls").json()["count"] == 1)
