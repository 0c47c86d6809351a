"""Single sign-on: the whole flow against a small OpenID provider on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured

pytest.importorskip("mozilla_django_oidc", reason="not available: requirements-oidc.txt")

from access import services
from gateway_project.settings import single_sign_on
from tests.access.issuer import CLIENT, SECRET, Issuer, serving

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parent.parent.parent


def variables(url: str) -> dict[str, str]:
    return {
        "LLM_GATEWAY_OIDC_ISSUER": url,
        "LLM_GATEWAY_OIDC_CLIENT_ID": CLIENT,
        "LLM_GATEWAY_OIDC_CLIENT_SECRET": SECRET,
        "LLM_GATEWAY_OIDC_AUTHORIZATION_ENDPOINT": f"{url}/authorize",
        "LLM_GATEWAY_OIDC_TOKEN_ENDPOINT": f"{url}/token",
        "LLM_GATEWAY_OIDC_USER_ENDPOINT": f"{url}/userinfo",
        "LLM_GATEWAY_OIDC_JWKS_ENDPOINT": f"{url}/jwks",
        "LLM_GATEWAY_OIDC_GROUPS": "platform=admin, all staff=viewer",
    }


@pytest.fixture
def issuer(settings, monkeypatch):
    with serving() as issuer:
        for name, value in variables(issuer.url).items():
            monkeypatch.setenv(name, value)
        for name, value in single_sign_on.settings().items():
            setattr(settings, name, value)
        settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, single_sign_on.BACKEND]
        settings.ROOT_URLCONF = "tests.access.single_sign_on_urls"
        issuer.claims = {"sub": "u-1", "email": "ann@example.com", "email_verified": True, "groups": ["all staff"]}
        yield issuer


def enter(client, issuer: Issuer):
    """The answer to the browser that comes back from the provider."""
    began = client.get("/sso/authenticate/?next=/admin/providers/provider/")
    assert began.status_code == 302 and began.headers["location"].startswith(f"{issuer.url}/authorize?")
    return client.get("/sso/callback/", issuer.authorized(began.headers["location"]))


def refused(client, answer) -> bool:
    return "_auth_user_id" not in client.session and answer.status_code in (302, 400)


def groups(name="ann@example.com"):
    return set(User.objects.get(username=name).groups.values_list("name", flat=True))


def test_the_first_login_makes_the_user_in_the_mapped_groups(client, issuer):
    issuer.claims["groups"] = ["all staff", "platform", "unmapped"]
    answer = enter(client, issuer)
    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/providers/provider/")
    user = User.objects.get(username="ann@example.com")
    assert groups() == {"viewer", "admin"} and user.is_staff and not user.is_superuser
    assert not user.has_usable_password()
    assert client.get("/admin/providers/provider/").status_code == 200
    assert issuer.asked[0]["client_secret"] == SECRET and issuer.asked[0]["code_verifier"]


def test_every_login_brings_the_groups_up_to_date_and_keeps_our_own(client, issuer):
    enter(client, issuer)
    User.objects.get().groups.add(Group.objects.create(name="night shift"))
    issuer.claims |= {"groups": ["platform"], "email": "other@example.com"}
    enter(client, issuer)
    assert groups() == {"admin", "night shift"}
    assert User.objects.count() == 1


@pytest.mark.parametrize("claims", [{"groups": []}, {"groups": ["unmapped"]}, {"groups": 7}, {"groups": [["a"]]}])
def test_without_a_mapped_group_nobody_comes_in(client, issuer, claims):
    issuer.claims |= claims
    assert refused(client, enter(client, issuer))
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "claims", [{"email": None}, {"email": ""}, {"email": "no name at all"}, {"email_verified": False}]
)
def test_without_a_name_of_their_own_nobody_comes_in(client, issuer, claims):
    issuer.claims |= claims
    assert refused(client, enter(client, issuer))
    assert not User.objects.exists()


def test_nobody_becomes_a_local_user_by_bearing_the_name(client, issuer):
    services.create_user(username="ann@example.com", password=None, superuser=True)
    assert refused(client, enter(client, issuer))


@pytest.mark.parametrize(
    "changed", [{"iss": "https://evil.example"}, {"aud": "another"}, {"nonce": "x"}, {"exp": 1}, {"sub": "u-2"}]
)
def test_a_token_that_is_not_for_us_is_refused(client, issuer, changed):
    issuer.changed = changed
    client.raise_request_exception = False
    answer = enter(client, issuer)
    assert refused(client, answer), answer
    assert not User.objects.exists()


def test_a_user_who_was_switched_off_stays_out(client, issuer):
    enter(client, issuer)
    client.logout()
    user = User.objects.get()
    user.is_active = False
    user.save()
    assert refused(client, enter(client, issuer))


def test_a_provider_that_is_down_is_no_error_of_ours(client, issuer):
    issuer.down = True
    answer = enter(client, issuer)
    assert refused(client, answer)
    page = client.get(answer.headers["location"])
    assert "Single sign-on did not let you in" in page.content.decode()


def test_the_login_page_offers_it_only_where_it_is(client, issuer, settings):
    assert "Log in with single sign-on" in client.get("/admin/login/").content.decode()
    settings.ROOT_URLCONF = "gateway_project.urls"
    assert "single sign-on" not in client.get("/admin/login/").content.decode()


def test_a_user_from_there_is_limited_like_any_other(client, issuer):
    issuer.claims["groups"] = ["platform"]
    enter(client, issuer)
    assert client.get("/admin/auth/user/").status_code == 200
    services.create_grant(user=User.objects.get())
    assert client.get("/admin/auth/user/").status_code == 403


def test_what_is_missing_or_wrong_is_named(monkeypatch):
    monkeypatch.setenv("LLM_GATEWAY_OIDC_CLIENT_ID", CLIENT)
    with pytest.raises(ImproperlyConfigured, match="LLM_GATEWAY_OIDC_ISSUER"):
        single_sign_on.settings()
    for name, value in variables("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LLM_GATEWAY_OIDC_GROUPS", "staff")
    with pytest.raises(ImproperlyConfigured, match="pairs"):
        single_sign_on.settings()


def test_the_settings_build_with_it(tmp_path):
    code = "import django; django.setup(); from django.urls import reverse; print(reverse('oidc_authentication_init'))"
    own = {"DJANGO_SETTINGS_MODULE": "gateway_project.settings", "LLM_GATEWAY_DATA_DIR": str(tmp_path)}
    environment = {**os.environ, **own, **variables("http://127.0.0.1:9")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "/sso/authenticate/", done.stderr
