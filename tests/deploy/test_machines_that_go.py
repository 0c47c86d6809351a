"""One of two machines, or a process of it, goes: the other serves on, and no finished call is lost or counted twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests
from celery import Celery

from tests.deploy.machines import Machines, answers, new_database, new_redis, running
from tests.support.children import end
from tests.support.eventually import eventually
from tests.support.gateway import ROOT, GatewayProcess, clean_environment
from tests.support.gateway_processes import children, descendants, gone
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, text

CALLS = 60
AT_ONCE = 4


def test_a_data_worker_is_killed(machines: Machines) -> None:
    """What was under way in it is cut; all answered ones are recorded, once, and the other machine notices nothing."""
    (victim,) = children(machines.first.pid)["data"]
    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        doomed = pool.map(partial(call, machines.first, victim), range(CALLS))
        others = pool.map(partial(call, machines.second, None), range(CALLS))
        answered, elsewhere = [*filter(None, doomed)], [*filter(None, others)]
    assert len(elsewhere) == CALLS
    assert len(answered) >= CALLS - 2 * AT_ONCE
    eventually(lambda: children(machines.first.pid)["data"] not in ([], [victim]))
    assert machines.first.chat("echo").status_code == 200
    assert_counted_once(machines.database, [*answered, *elsewhere])


def test_a_control_process_is_killed_while_it_ingests(machines: Machines) -> None:
    """Calls do not need it; what it had not noted as ingested is read again by the next one, and not counted again."""
    (victim,) = children(machines.second.pid)["control"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = [*filter(None, pool.map(partial(call, machines.second, victim), range(CALLS)))]
    assert len(answered) == CALLS
    eventually(lambda: machines.second.rest("GET", "/providers").status_code == 200)
    assert children(machines.second.pid)["control"] != [victim]
    assert_counted_once(machines.database, answered)


def test_tasks_are_run_whoever_takes_them(machines: Machines) -> None:
    results = [submit(machines.redis, f"task {number}") for number in range(20)]
    for number, result in enumerate(results):
        assert said(result).endswith(f"task {number}")


def test_one_machine_goes_and_the_other_goes_on(breakable_machines: Machines) -> None:
    machines = breakable_machines
    waiting = [submit(machines.redis, f"before {number}") for number in range(10)]
    assert machines.first.stop() == 0
    assert answers(machines.second, "echo", 200)
    assert said(submit(machines.redis, "after")).endswith("after")
    assert all("before" in said(result) for result in waiting)


def test_a_machine_that_is_a_worker_only_records_its_calls(breakable_machines: Machines, tmp_path: Path) -> None:
    """As `script/worker` runs it, with a data folder of its own."""
    machines = breakable_machines
    assert [machine.stop() for machine in machines] == [0, 0]
    with lone_worker(machines.second, tmp_path):
        call_id = submit(machines.redis, "alone").get(timeout=60)["gateway"]["call_id"]
        assert_counted_once(machines.database, [call_id])


def test_a_task_of_a_lost_machine_is_run_by_the_other(postgres_url: str, tmp_path: Path) -> None:
    """Nobody starts the lost one again, so its lease has to lapse: the other one waits for that, and then asks anew."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:
        queue = stack.enter_context(new_redis())
        database = stack.enter_context(new_database(postgres_url))
        upstream = stack.enter_context(FakeUpstream.in_thread())
        machines = stack.enter_context(
            running(*folders, database=database, queue=queue, ALLOW_PRIVATE_UPSTREAMS="true")
        )
        upstream.default = held(text("at last"))
        add_provider(machines.first, upstream.url)
        result = submit(queue, "Hello", model="held/m")
        upstream.wait_request(1, seconds=20)
        lost = taken_by(machines)
        kill_all(lost)
        upstream.wait_request(2, seconds=29)
        upstream.release()
        assert said(result) == "at last"
        assert gone(lost.pid)
        assert_counted_once(database, [result.get()["gateway"]["call_id"]])


def add_provider(machine: GatewayProcess, url: str) -> None:
    body = {
        "provider_id": "held",
        "provider_type": "openai",
        "connection_params": {"api_base": f"{url}/v1"},
        "models": [{"model_id": "m"}],
        "api_key": {"key_value": "sk-test"},
    }
    made = machine.rest("POST", "/providers", json=body)
    assert made.status_code == 201, made.text


def taken_by(machines: Machines) -> GatewayProcess:
    """The machine whose worker has taken the one task: workers keep what they took under their process number."""
    client = redis.Redis.from_url(machines.redis, decode_responses=True)
    keys = [key for key in client.scan_iter("llm_gateway:unacked:*", _type="hash") if client.hlen(key)]
    (worker,) = {int(key.split(":")[-2]) for key in keys}
    (found,) = [machine for machine in machines if worker in children(machine.pid)["worker"]]
    return found


def kill_all(machine: GatewayProcess) -> None:
    """As a loss of power: nobody has time to say anything."""
    for pid in (machine.pid, *descendants(machine.pid)):
        os.kill(pid, signal.SIGSTOP)
    for pid in (*descendants(machine.pid), machine.pid):
        os.kill(pid, signal.SIGKILL)
    machine.wait()


def call(machine: GatewayProcess, victim: int | None, number: int) -> str | None:
    """The id of an answered call; None where its connection was cut. In the middle of all calls `victim` is killed."""
    if victim is not None and number == CALLS // 2:
        os.kill(victim, signal.SIGKILL)
    try:
        answer = machine.chat("echo")
    except requests.RequestException:
        return None
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gateway-call-id"]


def assert_counted_once(database: str, call_ids: list[str]) -> None:
    """Each of the calls has its row, and each grain of the rollups counts as many calls as the table has."""
    assert len(set(call_ids)) == len(call_ids) > 0
    with psycopg.connect(database, autocommit=True) as connection:
        eventually(lambda: rows(connection, call_ids) == len(call_ids))
        grains, total = counted(connection)
    assert grains == dict.fromkeys(("minute", "hour", "day", "total"), total)


def rows(connection: psycopg.Connection[Any], call_ids: list[str]) -> int:
    found = connection.execute("SELECT count(*) FROM audit_call WHERE call_id = ANY(%s::uuid[])", [call_ids]).fetchone()
    return int(found[0]) if found else 0


def counted(connection: psycopg.Connection[Any]) -> tuple[dict[str, int], int]:
    """By grain the calls that the rollups count, and the calls of the table: as of one moment, as calls go on."""
    query = (
        "SELECT grain, sum(requests), (SELECT count(*) FROM audit_call), "
        "(SELECT count(*) FROM (SELECT call_id FROM audit_call GROUP BY call_id HAVING count(*) > 1) AS twice) "
        "FROM audit_callrollup GROUP BY grain"
    )
    found = connection.execute(query).fetchall()
    assert {twice for *_, twice in found} == {0}
    (total,) = {total for _, _, total, _ in found}
    return {grain: int(requests) for grain, requests, *_ in found}, total


@contextmanager
def lone_worker(machine: GatewayProcess, folder: Path) -> Iterator[None]:
    own = clean_environment(folder)["LLM_GATEWAY_DATA_DIR"]
    with (folder / "log.jsonl").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway_project.supervisor.worker"],
            cwd=ROOT,
            env={**machine.environment, "LLM_GATEWAY_DATA_DIR": own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            end(process)


def submit(redis_url: str, words: str, *, model: str = "echo") -> Any:
    app = Celery(broker=redis_url, backend=redis_url, set_as_current=False)
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    return app.send_task("llm.generate", kwargs={"body": body}, queue="llm", serializer="json")


def said(result: Any) -> str:
    return str(result.get(timeout=60)["response"]["choices"][0]["message"]["content"])
