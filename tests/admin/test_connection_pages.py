"""The admin's pages for testing a provider, discovering its models, and rotating its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit import call_store, history
from audit.models import ChangeSet
from providers import services
from providers.models import ApiKey, Provider, ProviderModel, ProviderState
from tests.support.installed_gateway import Records, installed
from tests.support.records import record
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db
KEY = "sk-test-0123456789-abcdefgh"
NEW = "sk-new-0123456789-abcdefgh"
LIST = "/admin/providers/provider/"
KEYS = "/admin/providers/apikey/"
TEST = f"{LIST}test/"


@pytest.fixture
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys={KEY}, models=("gpt-4o", "gpt-4o-mini")) as server:
        yield server


@pytest.fixture
def records() -> Iterator[Records]:
    with installed() as kept:
        yield kept


@pytest.fixture
def served(db: Any, upstream: ThreadedUpstream) -> Provider:
    return services.create_provider(
        provider_id="served",
        provider_type="openai",
        connection_params={"api_base": f"{upstream.url}/v1"},
        api_key={"key_value": KEY},
        models=[{"model_id": "gpt-4o"}, {"model_id": "old"}],
    )


def test_the_button_leads_to_the_test(admin: Client, served: Provider, records: Records) -> None:
    page = admin.get(f"{LIST}{served.pk}/change/").content.decode()
    assert "Test connection" in page and "Discover models" in page
    answer = admin.get(f"{LIST}{served.pk}/test-connection/")
    assert (answer.status_code, answer["location"]) == (302, f"{TEST}?id={served.pk}")
    page = admin.get(answer["location"]).content.decode()
    assert "not tested yet" in page and not records.all and not ProviderState.objects.exists()


def test_the_result_is_shown_with_its_time(
    admin: Client, served: Provider, records: Records, upstream: ThreadedUpstream
) -> None:
    before = history.revision()
    url = f"{TEST}?id={served.pk}"
    answer = admin.post(url, {"model": "gpt-4o"})
    assert (answer.status_code, answer["location"]) == (302, url)
    page = admin.get(url).content.decode()
    assert "works" in page and "echo: Answer" in page
    assert "works" in admin.get(LIST).content.decode()
    assert ProviderState.objects.get().last_test_at.strftime("%Y-%m-%d %H:%M:%S") in page
    assert [record.end_user for record in records.all] == ["root"]
    services.update_key(key=served.api_keys.get(), key_value="sk-wrong-0123456789-abcdefgh")
    admin.post(url)
    page = admin.get(url).content.decode()
    assert "failed" in page and "none of the keys" in page and "sk-wrong" not in page and KEY not in page
    assert history.revision() == before + 1  # the key's


def test_the_action_tests_those_that_were_chosen(admin: Client, served: Provider, records: Records) -> None:
    other = services.create_provider(provider_id="other", provider_type="echo", models=[{"model_id": "echo"}])
    answer = admin.post(LIST, {"action": "test_selected", "_selected_action": [served.pk, other.pk]})
    assert answer.status_code == 302 and answer["location"].startswith(TEST)
    assert admin.get(answer["location"]).content.decode().count("not tested yet") == 2
    admin.post(answer["location"])
    assert {row.provider.provider_id: row.last_test["success"] for row in ProviderState.objects.all()} == {
        "served": True,
        "other": True,
    }


def test_discovery_adds_what_was_chosen(admin: Client, served: Provider, upstream: ThreadedUpstream) -> None:
    url = f"{LIST}{served.pk}/discover/"
    assert "Ask the provider" in admin.get(url).content.decode() and not upstream.requests
    page = admin.post(url).content.decode()
    assert 'value="gpt-4o-mini"' in page and 'value="gpt-4o"' not in page and "<li>old" in page
    before = history.revision()
    answer = admin.post(url, {"apply": ["gpt-4o-mini"], "change_reason": "cheaper"})
    assert (answer.status_code, answer["location"]) == (302, f"{LIST}{served.pk}/change/")
    assert ProviderModel.objects.get(model_id="gpt-4o-mini").context_window == 128_000
    found = ChangeSet.objects.first()
    assert found is not None
    assert (found.revision, found.reason, found.origin, found.actor) == (before + 1, "cheaper", "admin", "root")
    wrong = admin.post(url, {"apply": ["invented"]}, follow=True)
    assert "does not list invented" in wrong.content.decode() and history.revision() == before + 1


def test_a_list_that_fails_is_told(admin: Client, served: Provider) -> None:
    services.update_key(key=served.api_keys.get(), key_value="sk-wrong-0123456789-abcdefgh")
    url = f"{LIST}{served.pk}/discover/"
    assert "none of the keys" in admin.post(url).content.decode()
    assert "none of the keys" in admin.post(url, {"apply": ["a"]}, follow=True).content.decode()


def test_a_viewer_gets_none_of_it(viewer: Client, served: Provider, records: Records) -> None:
    url = f"{LIST}{served.pk}/change/"
    page = viewer.get(url).content.decode()
    assert "Test connection" not in page and "Discover models" not in page
    key = served.api_keys.get()
    for path in (f"{TEST}?id={served.pk}", f"{LIST}{served.pk}/discover/", f"{KEYS}{key.pk}/rotate/"):
        assert viewer.get(path).status_code == 403
        assert viewer.post(path, {"key_value": NEW, "grace_hours": 1}).status_code == 403
    assert not records.all and ApiKey.objects.count() == 1


def test_there_is_no_such_provider(admin: Client, served: Provider) -> None:
    for path in (
        TEST,
        f"{TEST}?id=0",
        f"{TEST}?id=x",
        f"{TEST}?id={'9' * 30}",
        f"{LIST}0/discover/",
        f"{KEYS}0/rotate/",
    ):
        assert admin.get(path).status_code == 404, path


def test_keys_are_enabled_and_disabled_together(admin: Client, served: Provider) -> None:
    services.create_key(provider=served, name="second", key_value=NEW)
    chosen = [key.pk for key in ApiKey.objects.all()]
    before = history.revision()
    for action, enabled in (("disable_selected", False), ("enable_selected", True), ("enable_selected", True)):
        form = {"action": action, "_selected_action": chosen, "change_reason": "all of them", "post": "yes"}
        assert admin.post(KEYS, form).status_code == 302
        assert [key.enabled for key in ApiKey.objects.all()] == [enabled] * 2
    assert history.revision() == before + 2  # both keys in one; the third changed nothing


def test_a_key_is_rotated_on_its_page(admin: Client, served: Provider) -> None:
    key = served.api_keys.get()
    page = admin.get(f"{KEYS}{key.pk}/change/").content.decode()
    assert "Rotate" in page and KEY not in page
    url = f"{KEYS}{key.pk}/rotate/"
    wrong = admin.post(url, {"key_value": NEW + " x", "grace_hours": "1"})
    assert "visible ASCII" in wrong.content.decode() and NEW not in wrong.content.decode()
    assert "required" in admin.post(url, {"grace_hours": "1"}).content.decode()
    assert ApiKey.objects.count() == 1
    answer = admin.post(url, {"key_value": NEW, "grace_hours": "1", "change_reason": "leaked"}, follow=True)
    assert NEW not in answer.content.decode() and KEY not in answer.content.decode()
    new = ApiKey.objects.get(name="default")
    key.refresh_from_db()
    assert (new.weight, key.weight, new.last4) == (1, 0, NEW[-4:]) and new.pk != key.pk
    found = ChangeSet.objects.first()
    assert found is not None and found.reason == "leaked"


def test_a_keys_page_shows_its_use_by_day(admin: Client, served: Provider) -> None:
    key = served.api_keys.get()
    url = f"{KEYS}{key.pk}/change/"
    assert "no calls" in admin.get(url).content.decode()
    now = timezone.now()
    made = [record(now, provider="served", provider_key=key.key_id, input_tokens=3, output_tokens=4) for _ in range(2)]
    call_store.insert(made)
    assert f"{now.date()}: 2 calls, 14 tokens" in admin.get(url).content.decode()
