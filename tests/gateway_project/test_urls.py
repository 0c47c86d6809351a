"""Paths of the control plane that belong to no app."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/schema", "/schema/", "/docs", "/docs/"])
def test_the_documentation_is_open_in_development(path: str, client: Client) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/schema", "/docs"])
def test_and_closed_in_production(path: str, client: Client, admin_client: Client, settings) -> None:
    settings.GATEWAY_ENV = "production"
    assert client.get(path).status_code == 401
    assert admin_client.get(path).status_code == 200


def test_an_unknown_path_is_json_beside_the_admin(client: Client, admin_client: Client) -> None:
    answer = client.get("/nothing/here")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such path."})
    assert "<html" in admin_client.get("/admin/nothing/here/").content.decode()


def test_the_root_leads_to_the_admin(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer["location"]) == (302, "/admin/")
