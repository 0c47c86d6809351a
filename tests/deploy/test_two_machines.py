"""Two machines in production mode: what is changed through one is served by both, and what both did stands in one
place."""

from __future__ import annotations

import secrets
from functools import partial

import psycopg
import requests

from tests.deploy.machines import SOON, Machines, answers
from tests.support.eventually import eventually
from tests.support.gateway import PASSWORD, GatewayProcess

PROVIDER = {
    "provider_id": "shared",
    "display_name": "Shared",
    "provider_type": "echo",
    "models": [{"model_id": "m"}],
}


def test_both_serve_one_revision_from_the_start(machines: Machines) -> None:
    found = [machine.chat("echo") for machine in machines]
    assert [answer.status_code for answer in found] == [200, 200]
    assert len({answer.headers["x-gateway-revision"] for answer in found}) == 1


def test_a_change_made_through_one_is_served_by_both(machines: Machines) -> None:
    assert machines.first.rest("POST", "/providers", json=PROVIDER).status_code == 201
    for machine in (machines.second, machines.first):
        eventually(partial(answers, machine, "shared/m", 200), seconds=SOON)
    assert machines.second.rest("PUT", "/providers/shared", json={"enabled": False}).status_code == 200
    for machine in machines:
        eventually(partial(answers, machine, "shared/m", 404), seconds=SOON)
    with psycopg.connect(machines.database) as connection:
        newest = connection.execute("SELECT revision FROM audit_revisioncounter").fetchone()
    assert newest is not None
    for machine in machines:
        assert machine.chat("echo").headers["x-gateway-revision"] == str(newest[0])


def test_a_key_revoked_on_one_is_refused_by_both(machines: Machines) -> None:
    made = machines.first.rest("POST", "/projects/default/keys", json={"name": "short-lived"})
    assert made.status_code == 201, made.text
    key, key_id = made.json()["key"], made.json()["key_id"]
    for machine in machines:
        eventually(partial(answers, machine, "echo", 200, key=key), seconds=SOON)
    assert machines.second.rest("DELETE", f"/projects/default/keys/{key_id}").status_code == 204
    for machine in machines:
        eventually(partial(answers, machine, "echo", 401, key=key), seconds=SOON)


def test_a_key_stored_through_one_is_read_by_the_other(machines: Machines) -> None:
    """The encryption key is the same: what the first encrypted, the second can send."""
    body = {**PROVIDER, "provider_id": "keyed", "api_key": {"key_value": "sk-" + secrets.token_hex(20)}}
    assert machines.first.rest("POST", "/providers", json=body).status_code == 201
    keys = [machine.rest("GET", "/providers/keyed/api-keys").json()["results"] for machine in machines]
    assert keys[0] == keys[1] and keys[0][0]["last4"] == body["api_key"]["key_value"][-4:]
    eventually(partial(answers, machines.second, "keyed/m", 200), seconds=SOON)


def test_what_one_wrote_the_other_reads(machines: Machines) -> None:
    made = machines.first.rest("POST", "/projects", json={"slug": "from-first"})
    assert made.status_code == 201, made.text
    assert machines.second.rest("GET", "/projects/from-first").json()["slug"] == "from-first"


def test_a_session_of_one_holds_on_the_other(machines: Machines) -> None:
    """So that a balancer need not be sticky."""
    session = log_in(machines.first)
    for cookie, status in (("sessionid=none", 302), (f"sessionid={session}", 200)):
        page = requests.get(
            f"{machines.second.url}/admin/", headers={"Cookie": cookie}, timeout=30, allow_redirects=False
        )
        assert page.status_code == status
    assert "/admin/logout/" in page.text


def log_in(machine: GatewayProcess) -> str:
    """The session of the admin. Production's cookies are for https only, so they are handed on by hand."""
    url = f"{machine.url}/admin/login/"
    token = requests.get(url, timeout=30).cookies["csrftoken"]
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
    headers = {"Cookie": f"csrftoken={token}"}
    answer = requests.post(url, data=form, headers=headers, timeout=30, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.cookies["sessionid"]


def test_the_calls_of_both_stand_in_one_table(machines: Machines) -> None:
    call_ids = [machine.chat("echo").headers["x-gateway-call-id"] for machine in machines for _ in range(10)]
    for machine in machines:
        for call_id in call_ids:
            eventually(partial(shown, machine, call_id))


def shown(machine: GatewayProcess, call_id: str) -> bool:
    return machine.rest("GET", f"/calls/{call_id}").status_code == 200
