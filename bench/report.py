"""The table of ratios, and the results as JSON."""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.scenarios import Measured

Row = tuple[str, ...]


class Results:
    """Looks up what was measured of a server in a scenario."""

    def __init__(self, measured: Iterable[Measured]) -> None:
        self._found = {(one.server, one.scenario): one for one in measured}

    def get(self, server: str, scenario: str) -> Measured | None:
        return self._found.get((server, scenario))

    def cpu(self, scenario: str, *, of: str = "gateway") -> float | None:
        found = self.get(of, scenario)
        return found.cpu_us if found else None

    def rps(self, scenario: str, *, of: str) -> float | None:
        found = self.get(of, scenario)
        return found.rps if found else None

    def added(self, scenario: str, quantile: str, *, of: str) -> float | None:
        """Milliseconds more than without a server in between."""
        found = self.get(of, scenario)
        direct = self.get("direct", "one" if scenario in ("quiet", "export") else scenario)
        if found is None or direct is None:
            return None
        return float(getattr(found.seen, quantile) - getattr(direct.seen, quantile))


def table(results: Results) -> str:
    """Markdown: what, nginx, gateway, ratio, goal."""
    rows: list[Row] = [("", "nginx", "gateway", "ratio", "goal")]
    for label, scenario, goal in (
        ("CPU per request, 1 KB", "many", "<= 5"),
        ("CPU per request, 100 KB", "large", ""),
        ("CPU per event of a paced stream", "stream", "<= 2.5"),
    ):
        rows.append(_row(label, "us", results.cpu(scenario, of="nginx"), results.cpu(scenario), goal))
    across = results.cpu("across")
    rows.append(_row("CPU per request, across dialects", "us", results.cpu("many", of="nginx"), across, "<= 12"))
    nginx, ours = results.rps("many", of="nginx"), results.rps("many", of="gateway")
    rows.append(_row("requests per second on one core", "/s", nginx, ours, ""))
    for scenario, connections in (("one", "1 connection"), ("many", "64 connections")):
        for quantile in ("p50", "p99"):
            given = [results.added(scenario, f"{quantile}_ms", of=server) for server in ("nginx", "gateway")]
            goal = "<= 3" if (scenario, quantile) == ("one", "p50") else ""
            rows.append(_row(f"added {quantile}, {connections}", "ms", given[0], given[1], goal))
    return _markdown(rows) + "\n\n" + _markdown(_own(results))


def _own(results: Results) -> list[Row]:
    """Ratios of the gateway to itself."""
    rows: list[Row] = [("", "one", "other", "ratio", "goal")]
    small, large = results.cpu("many"), results.cpu("large")
    rows.append(_row("CPU per request, 1 KB -> 100 KB", "us", small, large, "<= 2.5"))
    for quantile in ("p50", "p99"):
        quiet, busy = (results.added(scenario, f"{quantile}_ms", of="gateway") for scenario in ("quiet", "export"))
        rows.append(_row(f"added {quantile}, quiet -> while the admin exports", "ms", quiet, busy, "<= 2"))
    for scenario, label in (("down", "in the primary's outage"), ("after", "after it")):
        for quantile in ("p50", "p99"):
            calm, other = (_latency(results, name, quantile) for name in ("up", scenario))
            rows.append(_row(f"{quantile}, primary up -> {label}", "ms", calm, other, ""))
    return rows


def _latency(results: Results, scenario: str, quantile: str) -> float | None:
    found = results.get("gateway", scenario)
    return float(getattr(found.seen, f"{quantile}_ms")) if found else None


def _row(label: str, unit: str, base: float | None, ours: float | None, goal: str) -> Row:
    ratio = _ratio(ours / base) if base and ours is not None else "-"
    return label, _number(base, unit), _number(ours, unit), ratio, goal


def _ratio(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} {unit}" if unit == "ms" else f"{value:,.0f} {unit}"


def _markdown(rows: list[Row]) -> str:
    rule = ("---", *["---:"] * (len(rows[0]) - 1))
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def machine() -> dict[str, str]:
    """What the figures depend on."""
    flags = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return {
        "python": platform.python_version(),
        "pgo": "yes" if "--enable-optimizations" in flags else "no",
        "system": f"{platform.system()} {platform.machine()}",
    }


def save(measured: list[Measured], folder: Path) -> Path:
    """The file that it wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}.json"
    content = {"machine": machine(), "arguments": sys.argv[1:], "results": msgspec.to_builtins(measured)}
    file.write_text(json.dumps(content, indent=1) + "\n")
    return file
