"""Metrics as Prometheus reads them (text format 0.0.4), under the names of CONTRACT.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway_project.metrics import Totals
from llm.observe import metrics
from llm.observe.tally import Entry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "llm_gateway_"
_TIMED = ("provider", "model", "endpoint", "status")
_COUNTED = ("project", *_TIMED)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(totals: Totals, *, now: float, spool_records: int | None = None) -> str:
    """`now` in seconds since 1970; `spool_records` None: not known, and left out."""
    lines = [*_counters(totals), *_histograms(totals), *_gauges(totals.gauges, now), *_breakers(totals, now)]
    if spool_records is not None:
        lines += _family("spool_records", "gauge", "Records of finished calls that wait for the call table.")
        lines.append(_sample("spool_records", spool_records))
    return "\n".join(lines) + "\n"


def _counters(totals: Totals) -> Iterator[str]:
    yield from _family("requests_total", "counter", "Calls that ended; status: succeeded, failed or cancelled.")
    for labels, numbers in _of(totals, metrics.CALLS):
        yield _sample("requests_total", numbers[0], zip(_COUNTED, labels, strict=True))
    yield from _family("tokens_total", "counter", "Tokens; input includes cached and cache_write.")
    for labels, numbers in _of(totals, metrics.CALLS):
        for kind, number in zip(metrics.TOKEN_KINDS, numbers[1:], strict=True):
            if number:
                yield _sample("tokens_total", number, [*zip(_COUNTED, labels, strict=True), ("kind", kind)])
    yield from _family("attempts_total", "counter", "Attempts at providers, by how they ended.")
    for labels, numbers in _of(totals, metrics.ATTEMPTS):
        yield _sample("attempts_total", numbers[0], zip(("provider", "model", "outcome"), labels, strict=True))


def _histograms(totals: Totals) -> Iterator[str]:
    words = ("From its first byte to its end.", "Spent in the gateway.", "Until the first piece of a stream.")
    at = 0
    for (name, bounds), text in zip(metrics.HISTOGRAMS, words, strict=True):
        size = len(bounds) + 2
        yield from _family(name, "histogram", text)
        for labels, numbers in _of(totals, metrics.TIMES):
            yield from _histogram(name, bounds, numbers[at : at + size], list(zip(_TIMED, labels, strict=True)))
        at += size


def _histogram(
    name: str, bounds: Sequence[float], numbers: Sequence[float], labels: list[tuple[str, str]]
) -> Iterator[str]:
    """`numbers`: the sum, then the count between each two bounds. One without a count is left out."""
    if not any(numbers[1:]):
        return
    count = 0.0
    for bound, number in zip([*map(str, bounds), "+Inf"], numbers[1:], strict=True):
        count += number
        yield _sample(f"{name}_bucket", count, [*labels, ("le", bound)])
    yield _sample(f"{name}_sum", numbers[0], labels)
    yield _sample(f"{name}_count", count, labels)


def _gauges(gauges: list[Entry], now: float) -> Iterator[str]:
    yield from _family("active_requests", "gauge", "Calls under way.")
    active: dict[str, float] = {}
    for entry in _entries(gauges, metrics.ACTIVE):
        active[entry.labels[0]] = active.get(entry.labels[0], 0.0) + entry.numbers[0]
    for endpoint, number in sorted(active.items()):
        yield _sample("active_requests", number, [("endpoint", endpoint)])
    yield from _family("provider_up", "gauge", "Did the latest attempt find the provider working?")
    newest: dict[str, tuple[float, float]] = {}
    for entry in _entries(gauges, metrics.PROVIDER):
        up, at = entry.numbers
        newest[entry.labels[0]] = max((at, up), newest.get(entry.labels[0], (0.0, 0.0)))
    for provider, (_, up) in sorted(newest.items()):
        yield _sample("provider_up", up, [("provider", provider)])
    yield from _configuration(gauges, now)


def _breakers(totals: Totals, now: float) -> Iterator[str]:
    """What the process says that has the worst to say; closed where something was asked and nobody says more."""
    asked = [labels for labels, _ in _of(totals, metrics.ATTEMPTS) if labels[0] != metrics.OTHER]
    worst = {name: 0.0 for provider, model, _ in asked for name in ((provider, ""), (provider, model))}
    for entry in _entries(totals.gauges, metrics.BREAKER):
        level, until = entry.numbers
        if level and 0 < until <= now:
            level -= 1  # open has become half-open, cooling is over
        provider, model = entry.labels
        worst[provider, model] = max(level, worst.get((provider, model), 0.0))
    yield from _family("breaker_state", "gauge", "0 closed, 1 half-open or cooling down, 2 open.")
    for (provider, model), level in sorted(worst.items()):
        kind = "model" if model else "provider"
        yield _sample("breaker_state", level, [("kind", kind), ("provider", provider), ("model", model)])


def _configuration(gauges: list[Entry], now: float) -> Iterator[str]:
    known = [entry.numbers for entry in _entries(gauges, metrics.CONFIGURATION)]
    if not known:
        return
    yield from _family("config_revision", "gauge", "The oldest revision that a process serves.")
    yield _sample("config_revision", min(revision for revision, _ in known))
    text = "Seconds since the process furthest behind knew that it serves the newest revision."
    yield from _family("config_age_seconds", "gauge", text)
    yield _sample("config_age_seconds", max(0.0, now - min(at for _, at in known)))


def _of(totals: Totals, family: str) -> list[tuple[tuple[str, ...], list[float]]]:
    return sorted((labels, numbers) for (name, labels), numbers in totals.counters.items() if name == family)


def _entries(gauges: list[Entry], family: str) -> Iterator[Entry]:
    return (entry for entry in gauges if entry.family == family)


def _family(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {PREFIX}{name} {text}", f"# TYPE {PREFIX}{name} {kind}"]


def _sample(name: str, number: float, labels: Iterable[tuple[str, str]] = ()) -> str:
    pairs = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in labels)
    number = int(number) if float(number).is_integer() else number
    return f"{PREFIX}{name}{{{pairs}}} {number}" if pairs else f"{PREFIX}{name} {number}"
