"""The order of commits is the order of revisions, whoever writes; a watcher that polls sees every change."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from access.models import Project
from audit import history
from audit.history import change_set
from audit.models import ChangeSet

pytestmark = pytest.mark.django_db(transaction=True)
DEADLINE = 20.0
ROOT = Path(__file__).parent.parent.parent

WRITER = """
import sys, django
django.setup()
from access.models import Project
from django.db import connection
connection.ensure_connection()
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    Project.objects.create(slug=f"writer-{sys.argv[1]}-{number}")
"""


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=6) as pool:
        yield pool


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    return run


def wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits for a lock")


def test_the_second_of_two_interleaved_transactions_waits(threads: ThreadPoolExecutor) -> None:
    Project.objects.create(slug="first-of-all")  # the counter's row is there: the lock is the row's
    before = history.revision()
    second_is_inside = threading.Event()

    def second() -> int:
        with change_set() as draft:
            second_is_inside.set()
            Project.objects.create(slug="second")
            return draft.revision

    with change_set() as first:
        Project.objects.create(slug="first")
        waiting = threads.submit(in_thread(second))
        if connection.vendor == "postgresql":
            wait_until_somebody_waits_for_a_lock()
        assert not second_is_inside.wait(0.2)
        assert first.revision == before + 1
    assert waiting.result(DEADLINE) == before + 2
    assert Project.history.get(slug="first").revision == before + 1
    assert Project.history.get(slug="second").revision == before + 2


def test_two_first_change_sets_of_an_empty_database(threads: ThreadPoolExecutor) -> None:
    start = threading.Barrier(4, timeout=DEADLINE)

    def write(number: int) -> None:
        start.wait()
        Project.objects.create(slug=f"p{number}")

    for done in [threads.submit(in_thread(lambda number=number: write(number))) for number in range(4)]:
        done.result(DEADLINE)
    assert sorted(ChangeSet.objects.values_list("revision", flat=True)) == [1, 2, 3, 4]


def test_a_watcher_that_polls_sees_every_change(threads: ThreadPoolExecutor) -> None:
    writers, each = 4, 10
    finished = threading.Event()
    gaps: list[tuple[int, set[int]]] = []

    def watch() -> list[int]:
        seen: list[int] = []
        while True:
            last = finished.is_set()
            newest = history.revision()
            known = set(ChangeSet.objects.filter(revision__lte=newest).values_list("revision", flat=True))
            if known != set(range(1, newest + 1)):
                gaps.append((newest, known))
            seen.append(newest)
            if last:
                return seen

    def write(number: int) -> None:
        for count in range(each):
            Project.objects.create(slug=f"p{number}-{count}")

    watching = threads.submit(in_thread(watch))
    writing = [threads.submit(in_thread(lambda number=number: write(number))) for number in range(writers)]
    for done in writing:
        done.result(2 * DEADLINE)
    finished.set()
    seen = watching.result(DEADLINE)
    assert not gaps
    assert seen == sorted(seen)
    assert seen[-1] == writers * each


def test_another_thread_does_not_join_an_open_change_set(threads: ThreadPoolExecutor) -> None:
    with change_set() as first:
        Project.objects.create(slug="first")
        inherited = contextvars.copy_context()
        other = threads.submit(in_thread(lambda: inherited.run(Project.objects.create, slug="other")))
    other.result(DEADLINE)
    assert Project.history.get(slug="other").revision == first.revision + 1


def test_a_context_that_outlives_its_change_set_does_not_join_it() -> None:
    with change_set() as first:
        Project.objects.create(slug="first")
        inherited = contextvars.copy_context()
    inherited.run(Project.objects.create, slug="later")
    assert Project.history.get(slug="later").revision == first.revision + 1
    assert history.revision() == first.revision + 1


def database_url() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    host = settings["HOST"] or settings["OPTIONS"].get("host", "")
    place = f"{host}:{settings['PORT']}" if settings["HOST"] else ""
    user = settings["USER"] + (f":{settings['PASSWORD']}" if settings["PASSWORD"] else "")
    return f"postgresql://{user}@{place}/{settings['NAME']}" + ("" if settings["HOST"] else f"?host={host}")


def test_four_writing_processes_all_succeed(tmp_path: Path) -> None:
    writers, each = 4, 15
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LLM_GATEWAY_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "gateway_project.settings",
        "LLM_GATEWAY_DATA_DIR": str(tmp_path),
        "LLM_GATEWAY_DATABASE_URL": database_url(),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(each)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(writers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:  # all at once, only now that all are connected
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * writers, errors
    total = writers * each
    assert sorted(ChangeSet.objects.values_list("revision", flat=True)) == list(range(1, total + 1))
    assert sorted(Project.history.values_list("revision", flat=True)) == list(range(1, total + 1))
    assert history.revision() == total
