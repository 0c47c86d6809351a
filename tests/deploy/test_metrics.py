"""The dashboard and the alerts ask for what a running gateway's /metrics gives: no name too many, none forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import get_args

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from llm.observe import metrics
from llm.observe.record import Status
from tests.deploy.machines import METRICS_TOKEN, SOON
from tests.deploy.queries import FROM_PROMETHEUS, Query, dashboard, queries
from tests.support.eventually import eventually
from tests.support.gateway import GatewayProcess

QUERIES = queries()
VALUES = {
    "status": set(get_args(Status)),
    "outcome": set(get_args(metrics.Outcome)),
    "kind": set(metrics.TOKEN_KINDS),
}


@pytest.fixture(scope="module")
def samples(gateway_machine: GatewayProcess) -> Mapping[str, set[str]]:
    """The labels of each sample's name, after a whole call, a streamed one and a failed one."""
    assert gateway_machine.chat("echo").status_code == 200
    assert gateway_machine.chat("echo", stream=True).status_code == 200
    assert gateway_machine.chat("no-such-model").status_code == 404
    # A call is counted when it is settled, which may be after its caller has its answer.
    return eventually(lambda: _streamed(_read(gateway_machine)), seconds=SOON)


def _read(machine: GatewayProcess) -> dict[str, set[str]]:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    answer = requests.get(f"{machine.url}/metrics", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _streamed(found: dict[str, set[str]]) -> dict[str, set[str]] | None:
    return found if "llm_gateway_time_to_first_token_seconds_count" in found else None


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_names_metrics_and_labels_that_are_given(query: Query, samples: Mapping[str, set[str]]) -> None:
    assert query.metrics() and query.metrics() <= set(samples)
    given = set().union(*(samples[name] for name in query.metrics()))
    assert query.labels() <= given | FROM_PROMETHEUS
    assert all(query.text.count(opening) == query.text.count(closing) for opening, closing in ("()", "{}", "[]"))


@pytest.mark.parametrize("label", VALUES)
def test_labels_are_compared_with_values_that_occur(label: str) -> None:
    compared = set().union(*(query.values(label) for query in QUERIES))
    assert compared and compared <= VALUES[label]


def test_every_metric_is_asked_for(samples: Mapping[str, set[str]]) -> None:
    asked = {_family(name) for query in QUERIES for name in query.metrics()}
    assert asked == {_family(name) for name in samples}


def _family(sample: str) -> str:
    return sample.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")


def test_without_the_token_nothing_is_told(gateway_machine: GatewayProcess) -> None:
    assert requests.get(f"{gateway_machine.url}/metrics", timeout=10).status_code == 401


def test_the_dashboard_can_be_imported() -> None:
    board = dashboard()
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers)) and board["uid"] and board["title"]
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps(board["panels"])))
    assert used <= {one["name"] for one in board["templating"]["list"]}


def test_panels_do_not_overlap() -> None:
    taken = [cell for panel in dashboard()["panels"] for cell in _cells(panel["gridPos"])]
    assert len(taken) == len(set(taken))


def _cells(place: Mapping[str, int]) -> list[tuple[int, int]]:
    columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    assert columns.stop <= 24  # the width of Grafana's grid
    return [(column, row) for column in columns for row in rows]
