"""kill -9 of every process under load: the service is back without a hand, one Redis runs, and nothing that was
acknowledged is lost. The bounds are promises: 10 s for what the supervisor restarts, 20 s for a new start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests

from tests.support.eventually import eventually
from tests.support.gateway import GatewayProcess, free_port
from tests.support.gateway_processes import all_gone, children, descendants, gone, redis_servers
from tests.support.load import Load
from tests.support.upstream import FakeUpstream
from tests.support.upstream_behaviours import held, text
from tests.support.upstream_thread import ThreadedUpstream

BACK_SECONDS = 10.0
START_SECONDS = 20.0
WORKERS = 2
COMPLETE = {"data": WORKERS, "control": 1, "worker": 1, "redis": 1}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The gateway that all tests here kill; its port and its Redis's stay, so that callers find it again."""
    arguments = ["--workers", str(WORKERS), "--port", str(free_port()), "--drain-seconds", "5"]
    folder = tmp_path_factory.mktemp("killed")
    with GatewayProcess(folder, arguments=arguments, REDIS_PORT=str(free_port())) as gateway:
        eventually(lambda: complete(gateway))
        yield gateway


@pytest.fixture(scope="module")
def load(killed: GatewayProcess) -> Iterator[Load]:
    with Load(killed) as running:
        eventually(lambda: len(running.calls) > 10 and running.finished_since(0), seconds=START_SECONDS)
        yield running


@pytest.fixture
def slow(killed: GatewayProcess) -> Iterator[ThreadedUpstream]:
    """A provider that answers when the test lets it, as `slow-N/m`."""
    with FakeUpstream.in_thread() as upstream:
        upstream.default = held(text("at last"))
        yield upstream


def complete(gateway: GatewayProcess) -> bool:
    return {kind: len(pids) for kind, pids in children(gateway.pid).items()} == COMPLETE


def back(gateway: GatewayProcess, load: Load, moment: float) -> bool:
    """Calls, tasks, management API and readiness, all of them begun after `moment`."""
    try:
        answers = [
            requests.get(f"{gateway.url}/ready", timeout=2).status_code,
            gateway.rest("GET", "/calls?page_size=1").status_code,
        ]
    except requests.RequestException:
        return False
    served = load.called_since(moment) and load.finished_since(moment)
    return answers == [200, 200] and served and complete(gateway)


def nothing_is_lost(load: Load) -> None:
    """When the last of it is stored or done, nobody promised."""
    eventually(lambda: not load.unfinished(), seconds=60, every=0.2)  # it asks for all of them each time
    eventually(lambda: not load.missing(), seconds=60, every=0.2)


def kill(*pids: int) -> float:
    moment = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return moment


def left(moment: float, bound: float) -> float:
    """Seconds until `bound` after `moment`."""
    return max(0.0, bound - (time.monotonic() - moment))


def page_server(gateway: GatewayProcess) -> int:
    """The process under the control process that answers."""
    return psutil.Process(children(gateway.pid)["control"][0]).children()[0].pid


VICTIMS: dict[str, Callable[[GatewayProcess], int]] = {
    "control": lambda gateway: children(gateway.pid)["control"][0],
    "page server": page_server,
    "worker": lambda gateway: children(gateway.pid)["worker"][0],
    "redis": lambda gateway: children(gateway.pid)["redis"][0],
    "data": lambda gateway: children(gateway.pid)["data"][0],
}


@pytest.mark.parametrize("name", VICTIMS)
def test_a_process_that_is_killed_is_back_within_ten_seconds(killed: GatewayProcess, load: Load, name: str) -> None:
    victim = VICTIMS[name](killed)
    refused, cut = len(load.refusals), len(load.cuts)
    moment = kill(victim)
    eventually(lambda: gone(victim))
    eventually(lambda: back(killed, load, moment), seconds=left(moment, BACK_SECONDS), every=0.1)
    assert len(redis_servers(killed.data_dir)) == 1
    assert load.refusals[refused:] == []
    if name != "data":
        assert load.cuts[cut:] == []  # no call has noticed
    nothing_is_lost(load)


def submit_slow(gateway: GatewayProcess, load: Load, slow: ThreadedUpstream, name: str) -> str:
    """A task that its provider holds; returns when the provider has it."""
    body = {
        "provider_id": name,
        "provider_type": "openai",
        "connection_params": {"api_base": f"{slow.url}/v1"},
        "models": [{"model_id": "m"}],
        "api_key": {"key_value": "sk-test"},
    }
    assert gateway.rest("POST", "/providers", json=body).status_code == 201
    task = load.submit(f"{name}/m")
    slow.wait_request(1, seconds=BACK_SECONDS)
    return task


def test_a_task_outlives_its_redis_and_runs_once(killed: GatewayProcess, load: Load, slow: ThreadedUpstream) -> None:
    task = submit_slow(killed, load, slow, "slow-1")
    moment = kill(VICTIMS["redis"](killed))
    eventually(lambda: back(killed, load, moment), seconds=left(moment, BACK_SECONDS), every=0.1)
    slow.release()
    eventually(lambda: not load.unfinished([task]))
    nothing_is_lost(load)
    assert len(slow.requests) == 1


def test_a_task_outlives_its_worker(killed: GatewayProcess, load: Load, slow: ThreadedUpstream) -> None:
    task = submit_slow(killed, load, slow, "slow-2")
    moment = kill(VICTIMS["worker"](killed))
    slow.wait_request(2, seconds=left(moment, BACK_SECONDS))  # the next worker asks again
    slow.release()
    eventually(lambda: not load.unfinished([task]))
    eventually(lambda: back(killed, load, moment), seconds=left(moment, BACK_SECONDS), every=0.1)
    nothing_is_lost(load)


def start_again(gateway: GatewayProcess, load: Load, before: list[int], moment: float) -> None:
    """A new start at once, on the same port: what was there is gone in time, and it serves in time."""
    began = time.monotonic()
    gateway.start()
    eventually(lambda: all_gone(before), seconds=left(moment, BACK_SECONDS))
    assert requests.get(f"{gateway.url}/ready", timeout=5).status_code == 200
    assert time.monotonic() - began < START_SECONDS
    eventually(lambda: back(gateway, load, began), seconds=BACK_SECONDS, every=0.1)
    assert len(redis_servers(gateway.data_dir)) == 1
    nothing_is_lost(load)


@pytest.mark.parametrize("also", [(), ("redis",)], ids=["alone", "with its redis"])
def test_a_supervisor_that_is_killed(killed: GatewayProcess, load: Load, also: tuple[str, ...]) -> None:
    before = descendants(killed.pid)
    moment = kill(killed.pid, *(VICTIMS[name](killed) for name in also))
    start_again(killed, load, before, moment)


def test_a_supervisor_that_is_killed_twice_in_a_row(killed: GatewayProcess, load: Load) -> None:
    before = descendants(killed.pid)
    kill(killed.pid)
    killed.begin()
    eventually(lambda: children(killed.pid)["data"], seconds=START_SECONDS)
    before += descendants(killed.pid)
    start_again(killed, load, before, kill(killed.pid))


def test_a_stranger_with_the_number_of_our_redis_is_left_alone(killed: GatewayProcess, load: Load) -> None:
    before = descendants(killed.pid)
    moment = kill(killed.pid)
    eventually(lambda: all_gone(before), seconds=left(moment, BACK_SECONDS))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (killed.data_dir / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")
        start_again(killed, load, before, moment)
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_at_last_it_stops_and_nothing_was_lost(killed: GatewayProcess, load: Load) -> None:
    load.__exit__()
    before = descendants(killed.pid)
    assert killed.stop() == 0
    assert all_gone(before)
    assert redis_servers(killed.data_dir) == []
    assert load.missing() == []
    assert load.refusals == []
