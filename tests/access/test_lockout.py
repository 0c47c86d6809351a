"""The bound on the login: by name and address, behind trusted proxies only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from access import services

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LIMIT = 5


@pytest.fixture
def ann(db):
    return services.create_user(username="ann", password=PASSWORD, groups=["viewer"])


def login(password=PASSWORD, *, ip="192.0.2.1", name="ann", **headers):
    form = {"username": name, "password": password, "next": "/admin/"}
    return Client().post("/admin/login/", form, REMOTE_ADDR=ip, headers=headers)


def fail(times=LIMIT, **how):
    answers = [login("wrong", **how) for _ in range(times)]
    return [answer.status_code for answer in answers]


def test_after_five_failures_the_right_password_is_refused_too(ann):
    assert fail() == [200, 200, 200, 200, 429]
    answer = login()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "900"
    text = answer.content.decode()
    assert "15 minutes" in text and "sessionid" not in answer.cookies
    assert PASSWORD not in text and "ann" not in text.replace("cannot", "")


def test_less_than_five_do_not_lock_and_a_success_forgets_them(ann):
    fail(4)
    assert login().status_code == 302
    fail(4)
    assert login().status_code == 302


def test_another_browser_does_not_evade_it(ann):
    codes = [login("wrong", **{"user-agent": f"browser {number}"}).status_code for number in range(LIMIT + 1)]
    assert codes[-1] == 429
    assert login(**{"user-agent": "yet another"}).status_code == 429


def test_the_bound_is_for_one_name_at_one_address(ann):
    services.create_user(username="bob", password=PASSWORD)
    fail()
    assert login(ip="192.0.2.9").status_code == 302
    assert login(name="bob").status_code == 302
    assert login().status_code == 429


def test_a_forged_header_neither_evades_it_nor_locks_others_out(ann):
    for number in range(LIMIT):
        login("wrong", ip="192.0.2.66", **{"x-forwarded-for": f"198.51.100.{number}"})
    assert login(ip="192.0.2.66", **{"x-forwarded-for": "198.51.100.99"}).status_code == 429
    assert login(ip="198.51.100.1").status_code == 302


def test_behind_a_trusted_proxy_the_client_counts(ann, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    def through(client, password=PASSWORD):
        return login(password, ip="10.0.0.1", **{"x-forwarded-for": client}).status_code

    for _ in range(LIMIT):
        through("203.0.113.5", "wrong")
    assert through("203.0.113.5") == 429
    assert through("203.0.113.6") == 302
    # What the client put in front itself, the proxy's own entry comes after.
    assert through("203.0.113.6, 203.0.113.5") == 429


def test_all_addresses_of_a_line_with_ipv6_are_one(ann):
    for number in range(LIMIT):
        login("wrong", ip=f"2001:db8:1:2::{number + 1}")
    assert login(ip="2001:db8:1:2:ffff::9").status_code == 429
    assert login(ip="2001:db8:1:3::1").status_code == 302


def test_it_ends_by_itself_and_failures_meanwhile_do_not_prolong_it(ann):
    fail()
    fail(2)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert login().status_code == 302


def test_the_command_unlocks(ann, capsys):
    fail()
    call_command("axes_reset_username", "ann")
    assert login().status_code == 302


def test_an_administrator_unlocks_in_the_admin(ann, client):
    fail()
    client.force_login(services.create_user(username="ada", password=None, groups=["admin"]))
    page = client.get("/admin/axes/accessattempt/")
    assert page.status_code == 200 and "192.0.2.1" in page.content.decode()
    attempt = AccessAttempt.objects.get()
    assert client.get(f"/admin/axes/accessattempt/{attempt.pk}/change/").status_code == 200
    client.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert login().status_code == 302


def test_passwords_are_not_kept(ann):
    fail(1)
    [attempt] = AccessAttempt.objects.all()
    kept = f"{attempt.post_data} {attempt.get_data} {attempt.username}"
    assert "wrong" not in kept
