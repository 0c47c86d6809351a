"""GET /metrics: right over all processes, dead or alive, and for those only who may read it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from gateway_project import metrics as all_processes
from gateway_project import metrics_text
from llm.observe import tally
from llm.observe.metrics import Metrics
from llm.observe.record import CallRecord

LABELS = {"provider": "openai", "model": 'odd "name"\\', "endpoint": "messages", "status": "succeeded"}
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]

# Counts one call, and dies without a chance to clean up.
PROGRAM = """
import os, sys
from pathlib import Path
from llm.observe.metrics import Metrics
from tests.gateway_project.test_metrics import record
counting = Metrics(Path(sys.argv[1]))
counting.started("messages")
counting.started("messages")
counting.configured(1)
counting.attempted("gone", "m", "failed")
counting.settled(record(latency_ms=2000.0))
os.kill(os.getpid(), 9)
"""


def record(**changes: object) -> CallRecord:
    known = {"project": "default", "input_tokens": 10, "latency_ms": 70.0, "overhead_ms": 0.3, **LABELS, **changes}
    return CallRecord(call_id="c", request_id="r", created_at=0.0, **known)


def samples(folder: Path, *, now: float = 100.0) -> Samples:
    return parsed(metrics_text.render(all_processes.totals(folder), now=now, spool_records=3))


def parsed(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"llm_gateway_{name}", frozenset(labels.items())))


def die_counting(folder: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], cwd=root, check=False, timeout=60)


def test_the_names_of_the_contract(tmp_path: Path) -> None:
    counting = Metrics(tmp_path, now=lambda: 90.0)
    counting.configured(7)
    counting.started("messages")
    counting.started("messages")
    counting.attempted("openai", "gpt", "succeeded")
    counting.settled(record(time_to_first_token_ms=40.0, reasoning_tokens=2))
    found = samples(tmp_path)
    assert value(found, "requests_total", project="default", **LABELS) == 1
    assert value(found, "tokens_total", project="default", kind="input", **LABELS) == 10
    assert value(found, "tokens_total", project="default", kind="reasoning", **LABELS) == 2
    assert value(found, "attempts_total", provider="openai", model="gpt", outcome="succeeded") == 1
    assert value(found, "request_duration_seconds_bucket", le="0.05", **LABELS) == 0
    assert value(found, "request_duration_seconds_bucket", le="0.1", **LABELS) == 1
    assert value(found, "request_duration_seconds_bucket", le="+Inf", **LABELS) == 1
    assert value(found, "request_duration_seconds_count", **LABELS) == 1
    assert value(found, "request_duration_seconds_sum", **LABELS) == pytest.approx(0.07)
    assert value(found, "overhead_seconds_sum", **LABELS) == pytest.approx(0.0003)
    assert value(found, "time_to_first_token_seconds_sum", **LABELS) == pytest.approx(0.04)
    assert value(found, "active_requests", endpoint="messages") == 1
    assert value(found, "provider_up", provider="openai") == 1
    assert (value(found, "config_revision"), value(found, "config_age_seconds")) == (7, 10)
    assert value(found, "spool_records") == 3


def test_counters_of_dead_processes_stay_and_their_gauges_go(tmp_path: Path) -> None:
    counting = Metrics(tmp_path)
    counting.configured(9)
    counting.settled(record())
    die_counting(tmp_path)
    die_counting(tmp_path)
    for _ in range(3):  # moved into the archive once, not at each look
        found = samples(tmp_path)
        assert value(found, "requests_total", project="default", **LABELS) == 3
        assert value(found, "request_duration_seconds_count", **LABELS) == 3
        assert value(found, "attempts_total", provider="gone", model="m", outcome="failed") == 2
    assert (value(found, "active_requests", endpoint="messages"), value(found, "config_revision")) == (None, 9)
    assert len(tally.files(tmp_path)) == 1


def test_a_crash_between_archive_and_removal_counts_nothing_twice(tmp_path: Path) -> None:
    die_counting(tmp_path)
    (file,) = tally.files(tmp_path)
    content = file.read_bytes()
    all_processes.totals(tmp_path)
    file.write_bytes(content)
    assert value(samples(tmp_path), "requests_total", project="default", **LABELS) == 1
    assert tally.files(tmp_path) == []


CONTRACT = {
    "requests_total": ("counter", {"project", "provider", "model", "endpoint", "status"}),
    "tokens_total": ("counter", {"project", "provider", "model", "endpoint", "status", "kind"}),
    "attempts_total": ("counter", {"provider", "model", "outcome"}),
    "request_duration_seconds": ("histogram", {"provider", "model", "endpoint", "status"}),
    "overhead_seconds": ("histogram", {"provider", "model", "endpoint", "status"}),
    "time_to_first_token_seconds": ("histogram", {"provider", "model", "endpoint", "status"}),
    "active_requests": ("gauge", {"endpoint"}),
    "provider_up": ("gauge", {"provider"}),
    "breaker_state": ("gauge", {"kind", "provider", "model"}),
    "config_revision": ("gauge", set()),
    "config_age_seconds": ("gauge", set()),
    "spool_records": ("gauge", set()),
}


def test_names_types_and_labels_are_those_of_the_contract_and_no_others(tmp_path: Path) -> None:
    counting = Metrics(tmp_path)
    counting.configured(1)
    counting.started("messages")
    counting.attempted("a", "m", "succeeded")
    counting.settled(record(key="a-key-id", end_user="somebody", tags={"team": "x"}, time_to_first_token_ms=1.0))
    text = metrics_text.render(all_processes.totals(tmp_path), now=0.0, spool_records=0)
    found = {}
    for family in text_string_to_metric_families(text):
        labels = {name for sample in family.samples for name in sample.labels if name != "le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name.removeprefix("llm_gateway_")] = (family.type, labels)
        assert family.documentation and all(sample.name.startswith(family.name) for sample in family.samples)
    assert found == CONTRACT
    assert not any(word in text for word in ("a-key-id", "somebody", "team", "key=", "user"))


@pytest.mark.parametrize("odd", ['"', "\\", "\n", "\\n", "{}", "a,b", "a=b", "\U0001f600", "\r", "\u2028", "\x85", ""])
def test_odd_names_come_through(tmp_path: Path, odd: str) -> None:
    counting = Metrics(tmp_path)
    counting.settled(record(model=odd, project=odd, latency_ms=70.0))
    labels = {**LABELS, "model": odd}
    assert value(samples(tmp_path), "requests_total", project=odd, **labels) == 1
    assert value(samples(tmp_path), "request_duration_seconds_count", **labels) == 1


BUSY = """
import os, sys
from pathlib import Path
from llm.observe import metrics
from tests.gateway_project.test_metrics import record
metrics.open(Path(sys.argv[1]))
for number in range(1000):
    metrics.started("messages")
    metrics.attempted("a", "m", "succeeded")
    metrics.settled(record(latency_ms=70.0, project=f"p{number % 7}"))
print("done", flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""
LOOKING = """
import sys
from pathlib import Path
from gateway_project import metrics
print("up", flush=True)
seen = 0
while seen < int(sys.argv[2]):
    totals = metrics.totals(Path(sys.argv[1]))
    counted = sum(numbers[0] for (family, _), numbers in totals.counters.items() if family == "calls")
    assert counted >= seen, (counted, seen)
    seen = counted
print(seen, flush=True)
"""


def program(text: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_several_processes_count_and_several_look_and_no_counter_ever_goes_back(tmp_path: Path) -> None:
    lookers = [program(LOOKING, str(tmp_path), "4000") for _ in range(2)]
    counters = [program(BUSY, str(tmp_path)) for _ in range(4)]
    for process in counters[:2]:
        assert process.stdout is not None and process.stdout.readline() == "done\n"
        process.communicate(timeout=60)  # dies, and is moved into the archive while others count and look
    for process in counters[2:]:
        assert process.stdout is not None and process.stdout.readline() == "done\n"
    assert [process.communicate(timeout=60)[0] for process in lookers] == ["up\n4000.0\n"] * 2
    found = samples(tmp_path)
    labels = {name: text for name, text in LABELS.items() if name in ("provider", "model", "endpoint", "status")}
    counted = [value(found, "requests_total", project=f"p{number}", **labels) for number in range(7)]
    assert counted == [4 * (143 if number < 6 else 142) for number in range(7)]
    assert value(found, "attempts_total", provider="a", model="m", outcome="succeeded") == 4000
    assert value(found, "active_requests", endpoint="messages") == 0
    for process in counters[2:]:
        process.communicate(timeout=60)
    assert len(tally.files(tmp_path)) == 2
    assert sum(number for (name, _), number in samples(tmp_path).items() if name.endswith("requests_total")) == 4000
    assert tally.files(tmp_path) == []


FULL = """
import resource, sys
from pathlib import Path
from gateway_project import metrics
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
totals = metrics.totals(Path(sys.argv[1]))
print(sum(numbers[0] for (family, _), numbers in totals.counters.items() if family == "calls"))
"""


def test_a_full_disk_hides_no_number_and_loses_none(tmp_path: Path) -> None:
    die_counting(tmp_path)
    for _ in range(2):
        assert program(FULL, str(tmp_path)).communicate(timeout=60)[0] == "1.0\n"
    assert len(tally.files(tmp_path)) == 1
    assert value(samples(tmp_path), "requests_total", project="default", **LABELS) == 1
    assert tally.files(tmp_path) == []
    assert value(samples(tmp_path), "requests_total", project="default", **LABELS) == 1


def test_an_archive_that_cannot_be_read_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "archive.bin").write_bytes(b"\xc1 something else")
    Metrics(tmp_path).settled(record())
    assert value(samples(tmp_path), "requests_total", project="default", **LABELS) == 1
    assert "the archive of metrics cannot be read" in caplog.text


def test_the_cap_on_names_is_one_over_all_processes(tmp_path: Path) -> None:
    counting = [Metrics(tmp_path) for _ in range(3)]
    for number in range(1500):
        counting[number % 3].settled(record(project=f"p{number}"))
    found = samples(tmp_path)
    counted = {dict(labels)["project"]: number for (name, labels), number in found.items() if "requests_total" in name}
    assert (len(counted), counted["other"], sum(counted.values())) == (1001, 500, 1500)


def test_the_newest_word_on_a_provider_stands(tmp_path: Path) -> None:
    one, other = Metrics(tmp_path, now=lambda: 10.0), Metrics(tmp_path, now=lambda: 20.0)
    other.attempted("a", "m", "failed")
    one.attempted("a", "m", "succeeded")
    assert value(samples(tmp_path), "provider_up", provider="a") == 0


def breaker_state(folder: Path, model: str, *, now: float = 100.0) -> float | None:
    kind = "model" if model else "provider"
    return value(samples(folder, now=now), "breaker_state", kind=kind, provider="a", model=model)


def test_of_a_breaker_the_worst_of_all_processes_stands(tmp_path: Path) -> None:
    one, other = Metrics(tmp_path), Metrics(tmp_path)
    one.attempted("a", "m", "failed")
    assert (breaker_state(tmp_path, "m"), breaker_state(tmp_path, "")) == (0, 0)  # asked, and nothing is known of it
    one.breaker("a", "m", 2, 120.0)
    other.breaker("a", "m", 0, 0.0)
    other.breaker("a", "", 1, 0.0)
    assert (breaker_state(tmp_path, "m"), breaker_state(tmp_path, "")) == (2, 1)
    one.breaker("a", "m", 0, 0.0)
    assert breaker_state(tmp_path, "m") == 0


@pytest.mark.parametrize(("level", "until", "shown"), [(2, 99.0, 1), (2, 101.0, 2), (1, 99.0, 0), (1, 0.0, 1)])
def test_a_breaker_follows_the_time_also_where_nobody_calls(
    tmp_path: Path, level: int, until: float, shown: int
) -> None:
    counting = Metrics(tmp_path)
    counting.breaker("a", "m", level, until)
    assert breaker_state(tmp_path, "m") == shown


@pytest.mark.django_db
class TestWhoMayRead:
    def test_it_is_only_read(self, client: Client) -> None:
        assert client.post("/metrics").status_code == 405
        assert client.head("/metrics").status_code == 200
        assert client.get("/metrics/").status_code == 200
        assert "no-store" in client.get("/metrics")["cache-control"]

    @pytest.mark.parametrize(
        ("address", "status"),
        [("127.0.0.1", 200), ("127.8.8.8", 200), ("::1", 200), ("::ffff:10.0.0.1", 403), ("169.254.1.1", 403)],
    )
    def test_what_counts_as_this_machine(self, client: Client, address: str, status: int) -> None:
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == status

    def test_other_credentials_are_no_token_of_the_metrics(self, client: Client, settings) -> None:
        settings.METRICS_TOKEN = "a-token-of-the-suite"
        for shown in ("Basic a-token-of-the-suite", "a-token-of-the-suite", "Bearer a-token-of-the-suit", "Bearer "):
            answer = client.get("/metrics", headers={"authorization": shown})
            assert (answer.status_code, answer["www-authenticate"]) == (401, "Bearer")
            assert "a-token" not in answer.content.decode()

    def test_without_a_token_this_machine_only(self, client: Client) -> None:
        answer = client.get("/metrics")
        assert (answer.status_code, answer["content-type"]) == (200, metrics_text.CONTENT_TYPE)
        assert "llm_gateway_spool_records" in answer.content.decode()
        assert client.get("/metrics", REMOTE_ADDR="::ffff:127.0.0.1").status_code == 200
        assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 403
        assert client.get("/metrics", REMOTE_ADDR="").status_code == 403

    def test_a_proxy_on_this_machine_is_not_this_machine(self, client: Client, settings) -> None:
        assert client.get("/metrics", headers={"x-forwarded-for": "10.0.0.9"}).status_code == 403
        assert client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        assert client.get("/metrics", headers={"x-forwarded-for": "10.0.0.9"}).status_code == 403

    def test_with_a_token_it_is_always_wanted(self, client: Client, settings) -> None:
        settings.METRICS_TOKEN = "a-token-of-the-suite"
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer \u00fc"}).status_code == 401
        shown = {"authorization": "Bearer a-token-of-the-suite"}
        assert client.get("/metrics", headers=shown, REMOTE_ADDR="10.0.0.9").status_code == 200
