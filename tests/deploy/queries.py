"""The queries of the dashboard and the alert rules, and what they name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from tests.deploy.deployment import DEPLOY

PREFIX = "llm_gateway_"
# Prometheus adds these; `le` is that of a histogram's buckets.
FROM_PROMETHEUS = frozenset({"job", "instance"})


@dataclass(frozen=True)
class Query:
    """`name` is that of the alert or panel."""

    name: str
    text: str

    def metrics(self) -> set[str]:
        """As they stand in the query: of a histogram `..._bucket`."""
        return set(re.findall(rf"\b{PREFIX}\w+", self.text))

    def labels(self) -> set[str]:
        """Those that are selected by, and those that are grouped by."""
        named = re.findall(r"[{,]\s*(\w+)\s*[=!]", self.text)
        groups = re.findall(r"\bby \(([^)]*)\)", self.text)
        return {*named, *(label for group in groups for label in re.split(r",\s*", group))}

    def values(self, label: str) -> set[str]:
        """What the label is compared with, without the dashboard's variables."""
        found = re.findall(rf'\b{label}\s*[=!]~?\s*"([^"$]+)"', self.text)
        return {value for text in found for value in text.split("|")}


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    return read


def queries() -> list[Query]:
    board = dashboard()
    told = [Query(rule["alert"], rule["expr"]) for rule in alert_rules()]
    told += [Query(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]
    told += [Query(one["name"], one["expr"]) for one in board["annotations"]["list"]]
    return told + [Query(one["name"], one["definition"]) for one in board["templating"]["list"] if "definition" in one]
