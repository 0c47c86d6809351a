"""A secret that went in is nowhere in the clear: not in any table, history row, log line, dump or exception."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from audit import history
from audit.models import ChangeSet
from providers import services
from providers.models import ApiKey, ConnectionParameter, Provider, Route
from tests.providers.conftest import SECRET

HIDDEN = "hidden-parameter-value-0123456789"


def every_row() -> str:
    """All that the database holds, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [bytes(v) if isinstance(v, memoryview) else v for row in cursor.fetchall() for v in row]
    return repr(found)


@pytest.fixture
def busy(api: APIClient, openai: dict[str, Any]) -> None:
    """Secrets entered, changed and removed again, by all doors."""
    body = {
        "connection_parameters": [{"param_name": "extra_body", "param_value": {"k": HIDDEN}, "is_sensitive": True}],
        "api_keys": [{"name": "second", "key_value": SECRET + "2"}],
    }
    assert api.put("/providers/openai", body, format="json").status_code == 200
    key = ApiKey.objects.get(name="second")
    services.update_key(key=key, key_value=SECRET + "3")
    history.bulk_update([ApiKey.objects.get(name="second")], ["secret", "weight"])
    services.delete_key(key=ApiKey.objects.get(name="second"))
    services.delete_parameter(parameter=ConnectionParameter.objects.get())


def test_no_table_holds_a_secret_in_the_clear(busy: None, caplog: pytest.LogCaptureFixture) -> None:
    rows = every_row()
    assert "openai" in rows
    assert SECRET not in rows
    assert HIDDEN not in rows


def test_dumpdata_of_everything_holds_none(busy: None, openai: dict[str, Any]) -> None:
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert "openai" in out.getvalue()
    assert SECRET not in out.getvalue() and HIDDEN not in out.getvalue()


def test_errors_and_logs_hold_none(api: APIClient, openai: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/providers/openai/api-keys", {"key_value": f"{SECRET} with spaces"}),
        ("/providers/openai/api-keys", {"key_value": [SECRET]}),
        ("/providers/openai/api-keys", {"key_value": SECRET, "environment": "moon"}),
        ("/providers/openai/api-keys", {"key_value": SECRET, "reference": "env:A_API_KEY", "name": "x"}),
        ("/providers/openai/connection-params", {"param_name": "proxy", "param_value": f"x://{SECRET}@h"}),
        (
            "/providers/openai/connection-params",
            {"param_name": "timeout_seconds", "param_value": SECRET, "is_sensitive": True},
        ),
    ]
    with caplog.at_level(logging.DEBUG):
        for path, body in bodies:
            answer = api.post(path, body, format="json")
            assert answer.status_code == 400
            assert SECRET not in answer.content.decode()
    assert SECRET not in caplog.text


def test_repr_and_str_hold_none(openai: dict[str, Any]) -> None:
    key = ApiKey.objects.get()
    assert SECRET not in f"{key!r} {key} {key._meta.get_field('secret')}"
    with pytest.raises(ValidationError) as caught:
        services.update_key(key=key, key_value=SECRET + "\n" + SECRET)
    assert SECRET not in f"{caught.value!r} {caught.value}"


def test_history_speaks_of_objects_by_their_names(api: APIClient, openai: dict[str, Any]) -> None:
    provider = Provider.objects.get()
    services.set_parameter(provider=provider, param_name="organization", param_value="eu", environment="production")
    services.create_route(name="fast", targets=[{"model": "openai/gpt-4o"}])
    key_id = openai["api_keys"][0]["key_id"]
    names = set()
    for entry in history.registrations():
        for row in entry.history.objects.values():
            names.add(entry.natural_key(row))
            assert SECRET not in repr(entry.dump(row))
    assert {
        "provider:openai",
        "model:openai/gpt-4o",
        f"api_key:openai/{key_id}",
        "parameter:openai/organization@production",
        "route:fast",
    } <= names


def test_deleting_a_provider_leaves_history_and_one_revision(api: APIClient, openai: dict[str, Any]) -> None:
    assert api.delete("/providers/openai").status_code == 204
    assert not ApiKey.objects.exists() and not Route.objects.exists()
    revision = ChangeSet.objects.latest("revision").revision
    for model in (Provider, ApiKey):
        rows = model.history.filter(revision=revision)
        assert [row.history_type for row in rows] == ["-"]


def test_a_list_costs_the_same_number_of_queries_however_long(
    api: APIClient, openai: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        services.create_provider(
            provider_id=f"p{number}",
            provider_type="openai",
            models=[{"model_id": "a"}, {"model_id": "b"}],
            api_keys=[{"name": "a", "key_value": SECRET}, {"name": "b", "key_value": SECRET}],
            connection_params={"timeout_seconds": 3, "api_base": "https://x.example"},
        )
    for path, most in (("/providers", 7), ("/providers/p0/api-keys", 11), ("/models", 3)):
        with django_assert_max_num_queries(most):
            assert api.get(path).status_code == 200
