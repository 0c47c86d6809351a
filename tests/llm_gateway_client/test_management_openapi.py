"""The management client against the OpenAPI document: every path, method, field, filter and body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from types import NoneType
from typing import Any, get_args, get_origin

import pytest

from llm_gateway_client import loop_thread
from llm_gateway_client.management import ManagementClient, Pages
from llm_gateway_client.management.open_shape import OpenShape, Tracked, fields_of, options
from llm_gateway_client.management.operations import OPERATIONS
from tests.llm_gateway_client import management_calls as calls
from tests.llm_gateway_client.management_document import NEWER, Document
from tests.llm_gateway_client.management_peer import TOKEN, Received, Told, served

# What the document has and the client leaves out, with the reason.
LEFT_OUT = {"PUT": "it does what PATCH does, which the client sends"}
# What the client has and the document leaves out.
NOT_TOLD = {
    "GET /health": "the data plane answers it, and the document is that of the management API",
    "GET /ready": "as /health",
}
NOT_TOLD_QUERY = {"environment": "which of several rows of a connection parameter; the list's filter says the same"}
# Fields of bodies that are no parameters.
BY_PATH = {"provider_id": "the path names it", "key_id": "the gateway gives it"}
JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null", date: "string"}
JSON_TYPES |= {datetime: "string", list: "array", dict: "object"}
TOLD = [name for name, operation in OPERATIONS.items() if operation not in NOT_TOLD]


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture(scope="module")
def anywhere() -> ManagementClient:
    return ManagementClient("http://127.0.0.1:9", TOKEN)


def test_every_operation_is_covered_or_left_out(document: Document) -> None:
    covered = set(OPERATIONS.values())
    wanted = {name for name in document.operations if name.split()[0] not in LEFT_OUT}
    assert covered - set(NOT_TOLD) == wanted
    for operation in set(document.operations) - wanted:
        assert operation.replace("PUT", "PATCH") in covered, operation


def test_the_table_names_every_method_and_each_has_a_twin(anywhere: ManagementClient) -> None:
    assert calls.public(anywhere) == set(OPERATIONS)
    for name in OPERATIONS:
        assert callable(calls.method(anywhere, f"{name}_sync")), name


@pytest.mark.parametrize("name", TOLD)
def test_an_answer_has_the_fields_of_the_dataclass(name: str, document: Document, anywhere: ManagementClient) -> None:
    status, kind, schema = document.answer(OPERATIONS[name])
    shape = calls.answers_with(calls.method(anywhere, name))
    if shape is NoneType:
        assert status == 204
    elif shape is str:
        assert kind == "application/yaml"
    elif shape is dict:
        assert (kind, "properties" in schema) == ("application/json", False)
    else:
        assert list(differences(document, shape, document.item(schema))) == []


def differences(document: Document, shape: type[OpenShape], schema: dict[str, Any]) -> Iterator[str]:
    """Of a dataclass from a component, and so on inside of it."""
    told = {name: one for name, one in schema["properties"].items() if not one.get("writeOnly")}
    known = {name: hint for name, (_, hint) in fields_of(shape).items()}
    yield from (f"{shape.__name__}.{name} is not in the document" for name in known.keys() - told.keys())
    yield from (f"{shape.__name__} lacks {name}" for name in told.keys() - known.keys())
    for name in known.keys() & told.keys():
        if isinstance(told[name], dict):
            yield from of_field(document, f"{shape.__name__}.{name}", known[name], told[name])


def of_field(document: Document, name: str, hint: Any, schema: dict[str, Any]) -> Iterator[str]:
    found = document.resolved(schema)
    if hint is Any:
        return
    kinds = set(found["type"]) if isinstance(found["type"], list) else {found["type"]}
    for option in options(hint):
        is_shape = isinstance(option, type) and issubclass(option, OpenShape)
        kind = "object" if is_shape else JSON_TYPES[get_origin(option) or option]
        if kind not in kinds and option is not NoneType:  # None is also what no older gateway tells
            yield f"{name} is {sorted(kinds)} and not {kind}"
        elif get_origin(option) is list:
            yield from of_field(document, f"{name}[]", get_args(option)[0], found["items"])
        elif is_shape and "properties" in found:
            yield from differences(document, option, found)
        kinds.discard(kind)
    if kinds:
        yield f"{name} may be {sorted(kinds)} too"


def fill(path: str, given: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(given[found[1]]), path)


@pytest.mark.parametrize("name", TOLD)
def test_a_method_sends_what_the_document_says(name: str, document: Document) -> None:
    method, path = OPERATIONS[name].split()
    status, kind, schema = document.answer(OPERATIONS[name])
    is_list = document.item(schema) is not schema
    one = document.example(document.item(schema)) if kind == "application/json" else b"version: 1\n"
    told = {"count": 1, "next": None, "previous": None, "results": [one]} if is_list else one
    with served(lambda asked: Told(status, told, {"etag": '"7"'}, kind)) as peer:
        with ManagementClient(peer.url, TOKEN) as client:
            called = calls.method(client, name)
            given = calls.arguments(called)
            found = calls.method(client, f"{name}_sync")(**given)
            found = found.collect_sync() if isinstance(found, Pages) else found
        [asked] = peer.requests
    in_path = set(re.findall(r"\{(\w+)\}", path))
    assert (asked.method, asked.path) == (method, fill(path, given))
    check_headers(asked, given)
    check_query(asked, document.query(OPERATIONS[name]))
    if asked.headers.get("content-type") == "application/json":
        check_body(document, OPERATIONS[name], asked.json, elsewhere={*in_path, *asked.query})
    else:
        assert not any(one["required"] for one in document.body(OPERATIONS[name]).values())
    check_answer(found, one, is_list=is_list)


def check_headers(asked: Received, given: dict[str, Any]) -> None:
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    for argument, header in {"if_match": "if-match", "reason": "x-change-reason"}.items():
        assert asked.headers.get(header) == given.get(argument)


def check_query(asked: Received, documented: set[str]) -> None:
    assert asked.query.keys() - {"page"} - set(NOT_TOLD_QUERY) == documented - set(NOT_TOLD_QUERY)


def check_body(document: Document, operation: str, body: dict[str, Any], *, elsewhere: set[str]) -> None:
    """All that may be written can be given. `elsewhere` are what the path and the query name."""
    documented = document.body(operation)
    assert body.keys() <= documented.keys()
    left = documented.keys() - body.keys() - {"reason"} - set(BY_PATH) - elsewhere
    assert left in (set(), {"plan_hash"}) and (not left or body["dry_run"] is True)
    assert not any(documented[name]["required"] for name in documented.keys() - body.keys() - elsewhere)
    for name, value in body.items():
        check_nested(document, value, documented[name])


def check_nested(document: Document, value: Any, schema: dict[str, Any]) -> None:
    """The fields of what is inside of a body: none that the document does not know."""
    found = document.resolved(schema)
    if isinstance(value, list):
        for item in value:
            check_nested(document, item, found["items"])
    elif isinstance(value, dict) and "properties" in found:
        assert value.keys() <= {name for name, one in found["properties"].items() if not one.get("readOnly")}


def check_answer(found: Any, told: Any, *, is_list: bool) -> None:
    """Nothing of it is lost, and every field has found its place but for the one that is new."""
    items = found if is_list else [found]
    for item in items:
        if isinstance(item, OpenShape):
            assert item.to_dict() == told
            assert item.extra == NEWER
        else:
            assert item in (None, told, "version: 1\n")
        if isinstance(item, Tracked):
            assert item.etag == ("" if is_list else '"7"')
    assert len(items) == 1


def test_a_twin_runs_on_the_loop_of_the_process() -> None:
    with served(lambda asked: Told(200, {"status": "ok"})) as peer, ManagementClient(peer.url, TOKEN) as client:
        assert client.health_sync().status == "ok"
    assert loop_thread.loop().is_running()
