"""The checklist that stands in place of empty charts, step by step, and for whom its links lead somewhere."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from access import services as access
from audit import call_store
from providers import services
from providers.models import ApiKey, Provider, ProviderModel
from tests.support.made_calls import call
from tests.support.page import Element, read

pytestmark = pytest.mark.django_db
KEY = "sk-a-key-of-the-suite-0123456789"
ADD, PLAYGROUND = "/admin/providers/provider/add/", "/admin/playground/"
TEXTS = ["Add a provider with a model", "Store a key for it", "Make a first call"]


def page(client: Client) -> Element:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return read(answer.content.decode())


def done(shown: Element) -> list[bool]:
    """Of each step, as its label says."""
    items = shown.section("First steps").one("ol").all("li")
    assert [text for text, item in zip(TEXTS, items, strict=True) if text not in item.text] == []
    labels = [item.one("span", class_="gw-state").text for item in items]
    assert set(labels) <= {"done", "to do"}
    assert f"{labels.count('done')} of 3 done" in shown.text
    return [label == "done" for label in labels]


def links(shown: Element) -> list[str]:
    return [link.attributes["href"] for link in shown.section("First steps").one("ol").all("a")]


def make(provider_id: str = "openai", kind: str = "openai", **fields: Any) -> Provider:
    return services.create_provider(provider_id=provider_id, provider_type=kind, **fields)


def change(provider: Provider) -> str:
    return f"/admin/providers/provider/{provider.pk}/change/"


def test_step_by_step(admin: Client) -> None:
    make("echo", "echo", models=[{"model_id": "echo"}])
    assert done(page(admin)) == [False, False, False]  # the echo that is there from the start is no provider of theirs
    assert links(page(admin)) == [ADD, ADD, PLAYGROUND]

    provider = make()
    assert done(page(admin)) == [False, False, False]  # it has no model yet
    assert links(page(admin)) == [change(provider), change(provider), PLAYGROUND]

    services.create_model(provider=provider, model_id="gpt-4o")
    assert done(page(admin)) == [True, False, False]
    services.create_key(provider=provider, name="default", key_value=KEY)
    assert done(page(admin)) == [True, True, False]

    call_store.insert([call(timedelta(minutes=1), provider="openai", model="gpt-4o")])
    shown = page(admin)
    assert "First steps" not in shown.text and len(shown.all("canvas")) == 3


def test_no_empty_chart_and_no_figure_stands_beside_the_checklist(admin: Client) -> None:
    shown = page(admin)
    assert not shown.all("canvas") and not shown.all("div", class_="gw-card gw-tile")
    assert [head.text for head in shown.one("div", id="content-main").all("h2")] == ["First steps", "Providers"]
    assert "None yet. Add a provider" in shown.section("Providers").text


def test_old_calls_leave_the_other_steps_to_do(admin: Client) -> None:
    call_store.insert([call(timedelta(days=3), provider="gone", model="m")])
    assert done(page(admin)) == [False, False, True]


@pytest.mark.parametrize("off", ["provider", "model", "key"])
def test_what_is_disabled_is_not_done(admin: Client, off: str) -> None:
    provider = make(models=[{"model_id": "gpt-4o"}], api_key={"key_value": KEY})
    assert done(page(admin)) == [True, True, False]
    if off == "provider":
        services.update_provider(provider=provider, enabled=False)
    elif off == "model":
        services.update_model(model=ProviderModel.objects.get(), enabled=False)
    else:
        services.update_key(key=ApiKey.objects.get(), enabled=False)
    assert done(page(admin)) == [off == "key", False, False]


def test_a_key_of_another_provider_is_not_the_key_for_it(admin: Client) -> None:
    make("spare", api_key={"key_value": KEY})
    provider = make("used", models=[{"model_id": "m"}])
    assert done(page(admin)) == [True, False, False]
    assert links(page(admin))[:2] == [change(provider)] * 2


def test_a_kind_that_needs_no_key_has_it(admin: Client) -> None:
    base = {"api_base": "http://127.0.0.1:9/v1"}
    make("local", "openai_compatible", models=[{"model_id": "m"}], connection_params=base)
    assert done(page(admin)) == [True, True, False]


def test_links_only_where_the_user_may_do_the_step(viewer: Client) -> None:
    assert links(page(viewer)) == []
    assert "Add a provider" not in page(viewer).section("Providers").text
    provider = make()
    shown = page(viewer)
    assert links(shown) == [change(provider)] * 2 and done(shown) == [False, False, False]
    assert viewer.get(change(provider)).status_code == 200
    operator = Client()
    operator.force_login(access.create_user(username="otto", password=None, groups=["operator"]))
    assert links(page(operator)) == [change(provider), change(provider), PLAYGROUND]


def words_of_curl(client: Client) -> list[str]:
    return shlex.split(page(client).one("pre").verbatim)


def test_the_curl_is_one_that_would_work_now(admin: Client) -> None:
    def model() -> str:
        words = words_of_curl(admin)
        assert words[:3] == ["curl", "-s", "http://testserver/v1/chat/completions"]
        return str(json.loads(words[words.index("-d") + 1])["model"])

    assert model() == "provider/model"
    make("echo", "echo", models=[{"model_id": "echo"}])
    assert model() == "echo/echo"
    provider = make(models=[{"model_id": "gpt-4o"}, {"model_id": "embed", "model_type": "embedding"}])
    assert model() == "echo/echo"  # it has no key yet
    services.create_key(provider=provider, name="default", key_value=KEY)
    assert model() == "openai/gpt-4o"
    assert KEY not in admin.get("/admin/").content.decode()
