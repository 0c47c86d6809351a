"""Every address of the control plane x method x role. The table says what is right; the resolver, what there is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse
from rest_framework.test import APIClient

from tests.rights import table, walk
from tests.rights.people import api, browser
from tests.rights.world import undone

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ROLES = ("anonymous", "key", "viewer", "operator", "admin", "limited")
MODEL_PAGES = ("changelist", "add", "change", "delete", "history")
ADDRESSES = walk.addresses()
REFUSED = (401, 403, 404, 405)


def model_of(name: str) -> tuple[str, str] | None:
    """("providers_route", "change") of "admin:providers_route_change"."""
    model, _, page = name.removeprefix("admin:").rpartition("_")
    return (model, page) if model in table.MODELS and page in MODEL_PAGES else None


def decided(address: walk.Address) -> bool:
    known = table.REST.keys() | table.PAGES.keys() | table.WITHOUT_A_DECISION.keys()
    object_redirect = address.route.startswith("admin/") and address.route.endswith("<path:object_id>/")
    return address.name in known or model_of(address.name) is not None or object_redirect


def test_every_address_has_a_decision() -> None:
    assert [address.name for address in ADDRESSES if not decided(address)] == []


def test_every_decision_is_about_an_address_that_there_is() -> None:
    names = {address.name for address in ADDRESSES}
    models = {found[0] for name in names if (found := model_of(name))}
    assert (table.REST.keys() | table.PAGES.keys() | table.WITHOUT_A_DECISION.keys()) - names == set()
    assert table.MODELS.keys() == models


def test_every_method_has_a_decision() -> None:
    for address in ADDRESSES:
        if address.name in table.REST and address.methods is not None:
            assert address.methods == table.REST[address.name].keys(), address.name


def path_of(name: str, kwargs: dict[str, Any]) -> str:
    """The address of that name with the parts that it takes."""
    own = {part.rpartition(":")[2]: value for part, value in kwargs.items() if part.startswith(f"{name}:")}
    given = {part: value for part, value in kwargs.items() if ":" not in part} | own
    [route] = [address.route for address in ADDRESSES if address.name == name]
    parts = {part: value for part, value in given.items() if f"<{part}>" in route or f":{part}>" in route}
    try:
        return reverse(name, kwargs=parts) + kwargs.get(f"{name}:?", "")
    except NoReverseMatch as error:
        raise AssertionError(f"The matrix knows no value for a part of {route}: see _kwargs.") from error


def rest_client(role: str, world: dict[str, Any]) -> APIClient:
    if role in world["users"]:
        return api(User.objects.get(username=role))
    client = APIClient()
    client.default_format = "json"
    if role == "key":
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {world['key']}")
    return client


def expected(decision: table.Decision, role: str) -> int | None:
    """The status of a refusal; None: anything but a refusal."""
    if decision.least == "anybody":
        return 401 if decision.reads_tokens and role == "key" else None
    if role in ("anonymous", "key"):
        return 401
    if role == "limited":
        return {"open": None, "forbidden": 403, "not found": 404}[decision.limited]
    return None if decision.allows(role) else 403


def test_rest(world: dict[str, Any]) -> None:
    clients = {role: rest_client(role, world) for role in ROLES}
    wrong = {}
    for name, methods in table.REST.items():
        path = path_of(name, world["kwargs"]).rstrip("?/")
        for method, decision in methods.items():
            for role, client in clients.items():
                wanted = expected(decision, role)
                for address in (path, f"{path}/"):
                    answer = undone(partial(getattr(client, method), address, {}))
                    served = answer.status_code not in (*REFUSED, 500)
                    if not (served if wanted is None else answer.status_code == wanted):
                        wrong[method, address, role] = (answer.status_code, wanted, answer.content[:100])
    assert not wrong, "\n".join(f"{case}: {found}" for case, found in wrong.items())


def page_cases() -> list[tuple[str, str]]:
    pages = [
        (name, method)
        for name, decisions in table.PAGES.items()
        for method, decision in zip(("get", "post"), decisions, strict=True)
        if decision is not None
    ]
    for address in ADDRESSES:
        if found := model_of(address.name):
            methods = ("get",) if found[1] in ("changelist", "history") else ("get", "post")
            pages += [(address.name, method) for method in methods]
    return sorted(set(pages))


def page_decision(name: str, method: str) -> table.Decision | None:
    """None: nobody may."""
    if name in table.PAGES:
        return table.PAGES[name][method == "post"]
    found = model_of(name)
    assert found is not None
    pages, page = table.MODELS[found[0]], found[1]
    writing = page in ("add", "delete") or (page == "change" and method == "post")
    if not writing:
        listed = page == "changelist" and pages.limited == "not found"  # without the rows of others
        return table.Decision(pages.view, "open" if listed else pages.limited)
    allowed = pages.write and (page != "add" or pages.add) and (page != "change" or pages.change)
    if not allowed:
        return None
    if page == "add" or pages.limited == "open":
        inside = found[0].startswith("providers_") and found[0] != "providers_provider"
        return table.Decision(pages.write, "open" if inside else "forbidden")
    return table.Decision(pages.write, pages.limited)


def shown(answer: HttpResponse) -> str:
    """ "login", "forbidden", "not found" (Django's admin leads to its start page), "open"."""
    location = answer.headers.get("location", "")
    if answer.status_code == 302 and location.startswith("/admin/login/"):
        return "login"
    if answer.status_code == 404 or (answer.status_code == 302 and location == "/admin/"):
        return "not found"
    assert answer.status_code != 500, answer
    return "forbidden" if answer.status_code == 403 else "open"


def wanted_of(decision: table.Decision | None, role: str) -> set[str]:
    if role in ("anonymous", "key"):
        return {"login"}
    if decision is None:
        return {"forbidden", "not found"}
    if role != "limited":
        return {"open"} if decision.allows(role) else {"forbidden"}
    # A page may ask for a right in general before it looks for the object.
    return {"not found", "forbidden"} if decision.limited == "not found" else {decision.limited}


def test_pages(world: dict[str, Any]) -> None:
    clients = {role: browser(user) for role, user in world["users"].items()}
    clients |= {"anonymous": Client(), "key": Client(headers={"authorization": f"Bearer {world['key']}"})}
    wrong = {}
    for name, method in page_cases():
        kwargs = dict(world["kwargs"])
        if found := model_of(name):
            kwargs[f"{name}:object_id"] = world["rows"][found[0]]
        path, decision = path_of(name, kwargs), page_decision(name, method)
        for role, client in clients.items():
            said = shown(undone(partial(getattr(client, method), path)))
            if said not in wanted_of(decision, role):
                wrong[method, path, role] = (said, wanted_of(decision, role))
    assert not wrong, "\n".join(f"{case}: {found}" for case, found in wrong.items())
