"""Nothing in the source writes a tracked model past its history."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.db import models, transaction

from audit import history
from audit.history import Tracked
from providers.models import Provider, ProviderModel

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("gateway_project", "access", "providers", "audit")
BULK = frozenset({"update", "aupdate", "bulk_create", "abulk_create", "bulk_update", "abulk_update", "_raw_delete"})
# Ways around `save()` and the history itself, on whatever object: none has a use in the product.
AROUND = frozenset(
    {"save_base", "_do_insert", "_do_update", "_raw_delete", "_update", "delete_without_historical_record"}
)
AROUND |= {"save_without_historical_record", "skip_history_when_saving", "bulk_history_create", "disable_history"}
MANAGERS = frozenset({"objects", "_base_manager", "_default_manager"})
UNTRACKED = frozenset(
    model.__name__
    for package in PACKAGES
    for model in (apps.get_app_config(package).get_models() if apps.is_installed(package) else ())
    if not issubclass(model, Tracked)
)
# Tables that have no history, named in the statement as they are.
UNTRACKED_TABLES = frozenset(
    {
        "audit_attemptrollup",
        "audit_call",
        "audit_call_default",
        "audit_callrollup",
        "audit_keyrollup",
        "call_incoming",
        "rollup_incoming",
    }
)
# Writes another ciphertext of the same value, for a new encryption key: nothing that a history could tell.
WITHOUT_CHANGE = "providers/rotation.py"
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
        if isinstance(node, ast.Attribute) and node.attr in AROUND:
            found.append((node.lineno, node.attr))
        if isinstance(node, ast.Call) and calls_a_base(node.func):
            found.append((node.lineno, ast.unparse(node.func)))
        if isinstance(node, ast.Call) and is_set(node, AROUND):
            found.append((node.lineno, ast.unparse(node)[:60]))
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and writes_tracked_table(text_of(node)):
            found.append((node.lineno, text_of(node).strip()[:40]))
    return found


def calls_a_base(called: ast.expr) -> bool:
    """`models.Model.save(provider)`, `QuerySet.update(rows, ...)`: the way past what Tracked refuses."""
    if not isinstance(called, ast.Attribute) or called.attr not in {"save", "delete", *BULK}:
        return False
    base = called.value.attr if isinstance(called.value, ast.Attribute) else getattr(called.value, "id", "")
    return base in {"Model", "QuerySet", "Manager"}


def is_set(called: ast.Call, names: frozenset[str]) -> bool:
    """`setattr(provider, "skip_history_when_saving", True)`"""
    texts = [text_of(argument) for argument in called.args if isinstance(argument, ast.Constant)]
    return (
        isinstance(called.func, ast.Name) and called.func.id in {"setattr", "getattr"} and not names.isdisjoint(texts)
    )


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
    written = bypasses(ast.parse(path.read_text()))
    if path == ROOT / WITHOUT_CHANGE:
        assert [text for _, text in written] == ["UPDATE value SET value = %s WHERE value "]
    else:
        assert written == []


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
        "provider.save_base(raw=True)",
        "provider.skip_history_when_saving = True",
        "setattr(provider, 'skip_history_when_saving', True)",
        "provider.save_without_historical_record()",
        "Provider.objects.filter(pk=1)._raw_delete('default')",
        "rows._update({'enabled': False})",
        "models.Model.save(provider)",
        "models.QuerySet.update(rows, enabled=False)",
        "QuerySet.bulk_create(rows, [])",
    ],
)
def test_the_lint_finds_a_bypass(source: str) -> None:
    assert bypasses(ast.parse(source))


def test_the_lint_lets_the_rest_pass() -> None:
    assert not bypasses(ast.parse("Call.objects.bulk_create([]); fields.update(a=1); text = 'updated'"))
    assert not bypasses(ast.parse("cursor.copy(f'COPY call_incoming ({columns}) FROM STDIN')"))


def test_what_the_lint_cannot_see_is_refused_when_it_runs(db: None) -> None:
    """A manager or a query that goes by another name: the query set itself refuses."""
    provider = Provider.objects.create(provider_id="p", provider_type="echo")
    model = provider.models.create(model_id="m")
    before = history.revision()
    rows = provider.models.all()
    for write in (
        lambda: rows.update(enabled=False),
        lambda: rows.filter(pk=model.pk).update(enabled=False),
        lambda: provider.models.update(enabled=False),
        lambda: rows.bulk_create([ProviderModel(provider=provider, model_id="n")]),
        lambda: rows.bulk_update([model], ["enabled"]),
        lambda: async_to_sync(rows.aupdate)(enabled=False),
        lambda: async_to_sync(rows.abulk_create)([ProviderModel(provider=provider, model_id="n")]),
    ):
        with pytest.raises(TypeError, match="bypass the history"), transaction.atomic():
            write()
    assert history.revision() == before
    assert [row.enabled for row in ProviderModel.objects.all()] == [True]


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
