"""`python -m bench.bookkeeping`: what the books of one call cost, in microseconds per operation.

On the way of a call: its metrics, its record's encoding, its write into the spool (which is with the kernel then). Not
on the way: what the ingester needs for a row and its rollups, on SQLite and on PostgreSQL (one that syncs nothing to
disk; left out where none can be had), and what Prometheus's look costs. The best of several rounds, and their median.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from llm.observe import call_id, tally
from llm.observe.metrics import Metrics
from llm.observe.record import CallRecord, encode
from llm.observe.spool import Spool
from llm.observe.spool_file import frame
from llm.observe.trace import TraceStep

ROUNDS: Final = 7
CALLS: Final = 20_000
ROWS: Final = 20_000
PROJECTS, MODELS = 5, 12
ROOT: Final = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bookkeeping", description=__doc__)
    parser.add_argument("--store", action="store_true", help="only the call table of LLM_GATEWAY_DATABASE_URL")
    if parser.parse_args().store:
        store()
        return
    with tempfile.TemporaryDirectory(prefix="llm-gateway-bench-") as folder:
        data_plane(Path(folder))
        for name, url in databases(Path(folder)):
            print(f"\n{name}", flush=True)
            in_a_process_of_its_own(Path(folder), url)


def records(number: int) -> list[CallRecord]:
    """Of one minute, as they come to an ingester that keeps up."""
    now = time.time()
    return [record(now - 30 + 30 * place / number, place) for place in range(number)]


def record(at: float, place: int) -> CallRecord:
    return CallRecord(
        call_id=call_id.new(now_ns=lambda: int(at * 1e9)),
        request_id=f"request-{place}",
        created_at=at,
        endpoint="chat/completions",
        status="failed" if place % 50 == 0 else "succeeded",
        http_status=502 if place % 50 == 0 else 200,
        project=f"project-{place % PROJECTS}",
        key="key-1",
        tags={"team": "search"},
        requested_model="fast",
        provider=f"provider-{place % 3}",
        model=f"model-{place % MODELS}",
        provider_key="main",
        route="fast",
        revision=42,
        attempts=1,
        input_tokens=1200,
        output_tokens=place % 900,
        latency_ms=300.0 + place % 4000,
        overhead_ms=0.4,
        trace=trace(f"provider-{place % 3}/model-{place % MODELS}", place),
    )


def trace(model: str, place: int) -> list[TraceStep]:
    """Of a usual call: the first one asked has served."""
    return [
        TraceStep(event="plan", reason="priority", candidates=(model,)),
        TraceStep(
            event="attempt",
            at_ms=0.312,
            duration_ms=300.123 + place % 4000,
            model=model,
            key="main",
            role="target",
            outcome="succeeded",
            first_token_ms=120.512,
            input_tokens=1200,
            output_tokens=place % 900,
            cost_nano_usd=1_234_000,
        ),
    ]


def data_plane(folder: Path) -> None:
    calls = records(CALLS)
    counting = Metrics(folder / "metrics")

    def count() -> None:
        for one in calls:
            counting.started(one.endpoint)
            counting.attempted(one.provider, one.model, "succeeded")
            counting.settled(one)

    sink = Spool(folder / "spool")

    def write() -> None:
        for one in calls:
            sink.write(one)

    print("On the way of a call")
    report("metrics of one call (begun, attempted, settled)", count, CALLS)
    report("record, encoded", lambda: [encode(one) for one in calls], CALLS)
    report("record, encoded and framed", lambda: [frame(one) for one in calls], CALLS)
    report("record, written into the spool", write, CALLS)
    sink.close()
    (path,) = tally.files(folder / "metrics")
    print("\nBeside it")
    report("a process's metrics, read", lambda: list(tally.read(path)), 1)


def store() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    django.setup()
    from django.core.management import call_command

    from audit import call_store, calls, rollups

    call_command("migrate", verbosity=0)
    call_store.prepare()
    batch = call_store.batch_size()
    given = iter([records(ROWS) for _ in range(ROUNDS)])

    def insert() -> None:
        rows = next(given)
        for first in range(0, ROWS, batch):
            call_store.insert(rows[first : first + batch])

    sample = records(ROWS)
    ready = [calls.values(one) for one in sample]
    report("row, made of a record", lambda: [calls.values(one) for one in sample], ROWS)
    report("row, counted into its rollups (not stored)", lambda: rollups.fold(ready), ROWS)
    report(f"row, stored with its rollups, {batch} at once", insert, ROWS)


def report(what: str, work: Callable[[], object], operations: int) -> None:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) / operations * 1e6)
    print(f"  {what:<50} {min(times):8.2f} us (median {statistics.median(times):.2f})", flush=True)


def databases(folder: Path) -> Iterator[tuple[str, str]]:
    yield "Call table on SQLite", f"sqlite:///{folder / 'bench.db'}"
    with postgresql() as url:
        if url:
            yield "Call table on PostgreSQL", url
        else:
            print("\nNot measured here: the call table on PostgreSQL (there is none to be had).")


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The one that the tests start, where they could; else None."""
    from tests.support import postgres

    try:
        postgres.binaries()
    except postgres.NotAvailable:
        yield None
        return
    with postgres.server() as url:
        yield url


def in_a_process_of_its_own(folder: Path, url: str) -> None:
    own = {"DATABASE_URL": url, "DATA_DIR": str(folder / "data"), "ENCRYPTION_KEY": "bench-only", "LOG_LEVEL": "ERROR"}
    environment = {**os.environ, **{f"LLM_GATEWAY_{name}": value for name, value in own.items()}}
    subprocess.run([sys.executable, "-m", "bench.bookkeeping", "--store"], env=environment, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
