"""The schema is true: requests made from it by schemathesis, good ones and bad ones, on the whole management API.

No 5xx, no status, media type or shape of an answer that the schema does not know. The same requests at every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from access import services
from gateway_project.wsgi import application
from tests.rights.table import REST
from tests.rights.world import undone

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 3}
# What is made up is hardly ever made: these are, so that the answers to creations are compared with the schema too.
MADE = {
    "/providers/": {"provider_id": "new", "provider_type": "echo", "models": [{"model_id": "m"}]},
    "/providers/{provider_id}/models/": {"model_id": "vendor/new:free"},
    "/providers/{provider_id}/api-keys/": {"name": "second", "key_value": "sk-new-0123456789abcdef"},
    "/providers/{provider_id}/api-keys/{key_id}/rotate/": {"key_value": "sk-next-0123456789abcdef"},
    "/providers/{provider_id}/connection-params/": {"param_name": "max_connections", "param_value": 5},
    "/routes/": {"name": "new", "targets": [{"model": "other/m"}]},
    "/projects/": {"slug": "new"},
    "/projects/{slug}/keys/": {"name": "second"},
}


@pytest.fixture(scope="module")
def operations() -> list[Any]:
    specification = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(dict(specification))
    schema.app = application
    return [found.ok() for found in schema.get_all_operations()]


def known(kwargs: dict[str, Any], path: str) -> dict[str, Any]:
    """Of the parts of a path those that name what there is; else nearly every request would be a 404."""
    own = {"/projects/{slug}/keys": "project-key-detail:key_id", "/calls": "call:name", "/incidents": "incident:id"}
    given = {name: value for name, value in kwargs.items() if f"{{{name}}}" in path}
    for beginning, name in own.items():
        if path.startswith(beginning) and name.partition(":")[2] in given:
            given[name.partition(":")[2]] = kwargs[name]
    return given


def problems(operation: Any, headers: dict[str, str], parts: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if operation.method == "post" and operation.path in MADE:
        made = operation.Case(path_parameters=parts, body=MADE[operation.path], media_type="application/json")
        answer = judged(made, headers, found)
        found += [] if answer.status_code == 201 else [f"{operation.path} made nothing: {answer.text}"]
    for mode, examples in MODES.items():
        requests = count()

        def judge(case: Any, requests: Iterator[int] = requests) -> None:
            if next(requests) % 3 != 2:  # of three requests one names what is not there
                case.path_parameters = {**(case.path_parameters or {}), **parts}
            judged(case, headers, found)

        with suppress(hypothesis.errors.Unsatisfiable):  # nothing can be wrong about a request without parts
            made_from(operation.as_strategy(generation_mode=mode), examples, judge)
    return found


def made_from(cases: Any, examples: int, judge: Callable[[Any], None]) -> None:
    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=cases)
    def ask(case: Any) -> None:
        judge(case)

    ask()


def judged(case: Any, headers: dict[str, str], found: list[str]) -> Any:
    """The answer to a request; what is wrong with it goes into `found`."""
    answer = undone(lambda: case.call(headers=headers))
    for check in CHECKS:
        try:
            case.validate_response(answer, checks=[check])
        except (schemathesis.checks.FailureGroup, schemathesis.checks.Failure) as failure:
            found.append(f"{case.method} {case.formatted_path} -> {answer.status_code}: {told(failure)}")
    return answer


def told(failure: Any) -> str:
    return " | ".join(str(one)[:300] for one in getattr(failure, "exceptions", [failure]))


def test_the_schema_knows_every_address(operations: list[Any]) -> None:
    described = [f"{operation.method} {operation.path}" for operation in operations]
    pages_about_it = {"schema", "docs", "metrics"}
    there_are = sum(len(methods) for name, methods in REST.items() if name not in pages_about_it)
    assert len(described) == there_are, described


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As Django's own test client has it: a request does not close the connection that the test's transaction is in."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
def test_the_schema_is_true(world: dict[str, Any], operations: list[Any]) -> None:
    user = User.objects.get(username="admin")
    _, text = services.create_token(user=user, name="openapi")
    headers = {"Authorization": f"Bearer {text}"}
    found = [
        problem
        for operation in operations
        for problem in problems(operation, headers, known(world["kwargs"], operation.path))
    ]
    assert not found, "\n".join(found)
