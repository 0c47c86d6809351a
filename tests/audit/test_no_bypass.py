"""Nothing in the source writes a tracked model past its history."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from audit import history
from audit.history import Tracked

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("gateway_project", "access", "providers", "audit")
BULK = frozenset({"update", "aupdate", "bulk_create", "abulk_create", "bulk_update", "abulk_update", "_raw_delete"})
MANAGERS = frozenset({"objects", "_base_manager", "_default_manager"})
UNTRACKED = frozenset(
    model.__name__
    for package in PACKAGES
    for model in (apps.get_app_config(package).get_models() if apps.is_installed(package) else ())
    if not issubclass(model, Tracked)
)
# Tables that have no history, named in the statement as they are.
UNTRACKED_TABLES = frozenset(
    {"audit_call", "audit_call_default", "audit_callrollup", "call_incoming", "rollup_incoming"}
)
WRITING_SQL = re.compile(
    r"^\s*(?:INSERT\s+INTO|UPDATE(?=\s+\S+\s+SET)|DELETE\s+FROM|REPLACE\s+INTO|MERGE\s+INTO|TRUNCATE|"
    r"COPY(?=\s+\S+(?:\s+\(.*\))?\s+FROM))\s+(?P<table>\S*)",
    re.IGNORECASE,
)


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tracked_models() -> list[type[Tracked]]:
    return [model for model in apps.get_models() if issubclass(model, Tracked)]


def root_name(node: ast.expr) -> tuple[str, bool]:
    """The name that a chain of calls begins with, and whether it goes by a model's manager."""
    by_manager = False
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute):
            by_manager = by_manager or node.attr in MANAGERS
            node = node.value
        else:
            node = node.func
    return (node.id if isinstance(node, ast.Name) else ""), by_manager


def bypasses(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BULK:
            name, by_manager = root_name(node.func.value)
            if by_manager and name not in UNTRACKED:
                found.append((node.lineno, f"{name}....{node.func.attr}()"))
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and writes_tracked_table(text_of(node)):
            found.append((node.lineno, text_of(node).strip()[:40]))
    return found


def writes_tracked_table(text: str) -> bool:
    writing = WRITING_SQL.match(text)
    return writing is not None and writing["table"] not in UNTRACKED_TABLES


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "value"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_write_goes_past_the_history(path: Path) -> None:
    assert bypasses(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "Provider.objects.filter(enabled=True).update(enabled=False)",
        "Provider.objects.bulk_create([])",
        "Route._base_manager.all().bulk_update([], [])",
        "cursor.execute('UPDATE providers_provider SET enabled = 0')",
        "cursor.execute(f'DELETE FROM {table}')",
        "cursor.execute(f'UPDATE {table} SET enabled = 0')",
        "cursor.execute(f'INSERT INTO {table} SELECT 1')",
        "cursor.copy('COPY providers_provider (enabled) FROM STDIN')",
    ],
)
def test_the_lint_finds_a_bypass(source: str) -> None:
    assert bypasses(ast.parse(source))


def test_the_lint_lets_the_rest_pass() -> None:
    assert not bypasses(ast.parse("Call.objects.bulk_create([]); fields.update(a=1); text = 'updated'"))
    assert not bypasses(ast.parse("cursor.copy(f'COPY call_incoming ({columns}) FROM STDIN')"))


def test_the_tables_without_a_history_have_none() -> None:
    assert not UNTRACKED_TABLES & {model._meta.db_table for model in tracked_models()}


@pytest.mark.parametrize("model", tracked_models(), ids=lambda model: model.__name__)
def test_every_tracked_model_has_a_history_and_is_registered(model: type[Tracked]) -> None:
    assert model.history.model._meta.get_field("revision")
    assert history.registration(model).history is model.history.model
    # Django carries these out by update(): the history would not see them.
    lossy = [
        relation.name
        for relation in model._meta.get_fields()
        if isinstance(relation, models.ForeignKey)
        and relation.remote_field.on_delete in (models.SET_NULL, models.SET_DEFAULT)
    ]
    assert not lossy
    assert not model._meta.many_to_many


def test_there_are_tracked_models() -> None:
    assert {"Provider", "ApiKey", "Project"} <= {model.__name__ for model in tracked_models()}
