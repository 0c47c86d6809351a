"""`script/bench`: measures, prints a table, keeps the figures in bench/results."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import cores, ports, report, servers
from bench.scenarios import Bench

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each of the figures")
    options = parser.parse_args()
    bench = Bench(seconds=options.seconds, core=cores.pair()[1], say=_say)
    with tempfile.TemporaryDirectory(prefix="llm-gateway-bench-") as folder:
        missing = run(bench, Path(folder))
    print(report.table(report.Results(bench.results)))
    print()
    for reason in missing:
        print(f"Not measured here: {reason}.")
    if cores.pair() == (None, None):
        print("Servers and load shared their cores: these figures say little.")
    print(f"All figures: {report.save(bench.results, RESULTS)}")
    return 1 if any(one.seen.failures for one in bench.results) else 0


def run(bench: Bench, folder: Path) -> list[str]:
    """What could not be measured, and why."""
    core, other = cores.pair()
    missing = []
    with servers.mock(other) as provider:
        bench.everywhere(provider)
        try:
            with servers.nginx(provider.port, folder / "nginx", core) as server:
                bench.everywhere(server)
        except servers.CannotStart as reason:
            missing.append(str(reason))
        frail = ports.free()
        with servers.gateway(provider.port, frail, folder / "gateway", core) as server:
            bench.everywhere(server)
            bench.gateway_only(server)
            bench.outage(server, lambda: servers.mock(other, frail))
            _say(f"resident memory of a data worker: {server.resident_megabytes():.0f} MB")
    return missing


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
