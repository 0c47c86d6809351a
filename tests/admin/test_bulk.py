"""Actions on several rows, what they would affect, and warnings of what was saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access import services as access_services
from audit import history
from audit.models import ChangeSet
from providers import services
from providers.models import ApiKey, PriceProposal, Provider, ProviderModel, Route
from tests.support.admin_forms import errors, send

pytestmark = pytest.mark.django_db
MODELS, ROUTES, PROVIDERS = (f"/admin/providers/{name}/" for name in ("providermodel", "route", "provider"))
PRICES = "/admin/providers/priceproposal/"


def act(client: Client, page: str, action: str, *rows: Any, **fields: str) -> Any:
    body = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    return client.post(page, body, follow=True)


@pytest.fixture
def used(provider: Provider) -> ProviderModel:
    """A model that two routes and one project use."""
    for name in ("fast", "slow"):
        services.create_route(name=name, targets=[{"model": "openai/gpt-4o"}])
    access_services.create_project(slug="team", name="Team", allowed_models=["openai/gpt-4o"])
    return ProviderModel.objects.get()


@pytest.mark.parametrize("page", [MODELS, ROUTES, PROVIDERS])
def test_several_are_disabled_and_enabled_in_one_change_set_each(admin: Client, used: Any, page: str) -> None:
    services.create_model(provider=used.provider, model_id="other")
    services.create_provider(provider_id="echo", provider_type="echo")
    model = {MODELS: ProviderModel, ROUTES: Route, PROVIDERS: Provider}[page]
    rows = list(model.objects.all())
    assert len(rows) == 2
    before = history.revision()
    for action, enabled in (("disable_selected", False), ("enable_selected", True)):
        asked = act(admin, page, action, *rows)
        assert asked.status_code == 200
        assert "change_reason" in asked.content.decode()
        assert all(row.enabled is not enabled for row in model.objects.all()), "nothing happens before it is confirmed"
        done = act(admin, page, action, *rows, post="yes", change_reason="because")
        assert f"2 {'enabled' if enabled else 'disabled'}." in done.content.decode()
        assert all(row.enabled is enabled for row in model.objects.all())
    assert history.revision() == before + 2
    assert list(ChangeSet.objects.values_list("origin", "actor", "reason")[:2]) == [("admin", "root", "because")] * 2
    act(admin, page, "enable_selected", *rows, post="yes")
    assert history.revision() == before + 2


def test_a_page_before_a_dangerous_action_names_what_it_affects(admin: Client, used: Any) -> None:
    said = "2 routes and 1 project use openai/gpt-4o: slow, fast, team."
    assert said in act(admin, MODELS, "disable_selected", used).content.decode()
    assert said in act(admin, MODELS, "delete_selected", used).content.decode()
    assert said in admin.get(f"{MODELS}{used.pk}/delete/").content.decode()
    assert "2 routes and 1 project use openai:" in admin.get(f"{PROVIDERS}{used.provider.pk}/delete/").content.decode()
    key = admin.get(f"/admin/providers/apikey/{ApiKey.objects.get().pk}/delete/").content.decode()
    assert "openai is left without an enabled key." in key
    assert 'id="affected"' not in act(admin, MODELS, "enable_selected", used).content.decode()
    refused = admin.post(f"{MODELS}{used.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert "It is still used by project:team, route:fast, route:slow." in refused
    assert ProviderModel.objects.filter(pk=used.pk).exists()


def test_a_viewer_has_no_such_actions(viewer: Client, used: Any) -> None:
    assert "disable_selected" not in viewer.get(MODELS).content.decode()
    act(viewer, MODELS, "disable_selected", used, post="yes")
    assert ProviderModel.objects.get().enabled


def test_warnings_stand_on_the_page_that_comes_after_a_save(admin: Client, provider: Provider) -> None:
    services.create_model(provider=provider, model_id="able", capabilities=["tools", "vision"])
    services.create_model(provider=provider, model_id="text", capabilities=["text"])
    fields = {"name": "r", "targets": '[{"model": "openai/able"}]', "fallbacks": '[{"model": "openai/text"}]'}
    assert send(admin, f"{ROUTES}add/", **fields).status_code == 302
    assert "openai/text lacks what openai/able can" in admin.get(ROUTES).content.decode()
    row = Route.objects.get()
    page = admin.get(f"{ROUTES}{row.pk}/change/").content.decode()
    assert "What a call would do now" in page
    assert "lacks what openai/able can" in page
    services.update_model(model=ProviderModel.objects.get(model_id="able"), enabled=False)
    assert "the model is disabled" in admin.get(f"{ROUTES}{row.pk}/change/").content.decode()
    services.update_provider(provider=provider, provider_type="openai_compatible")
    answer = send(
        admin,
        "/admin/providers/connectionparameter/add/",
        provider="openai",
        param_name="region",
        plain_value="eu",
    )
    assert answer.status_code == 302
    assert "it is kept, and has no effect" in admin.get(PROVIDERS).content.decode()


def test_prices_are_proposed_and_accepted_on_their_page(admin: Client, provider: Provider, root: User) -> None:
    assert "Refresh from genai-prices" in admin.get(PRICES).content.decode()
    assert admin.get(f"{PRICES}refresh/").status_code == 403
    listed = admin.post(f"{PRICES}refresh/", follow=True).content.decode()
    assert "gpt-4o" in listed
    assert "no price" in listed
    row = PriceProposal.objects.get()
    before = history.revision()
    assert "1 accepted." in act(admin, PRICES, "accept_selected", row, change_reason="new list").content.decode()
    assert history.revision() == before + 1
    assert ProviderModel.objects.get().prices == [row.price]
    ProviderModel.objects.get().delete()
    services.create_model(provider=provider, model_id="gpt-4o")
    admin.post(f"{PRICES}refresh/")
    assert "1 dismissed." in act(admin, PRICES, "dismiss_selected", PriceProposal.objects.get()).content.decode()
    assert not PriceProposal.objects.exists()


def test_a_viewer_sees_proposals_and_accepts_none(viewer: Client, admin: Client, provider: Provider) -> None:
    admin.post(f"{PRICES}refresh/")
    page = viewer.get(PRICES).content.decode()
    assert "gpt-4o" in page
    assert "Refresh from genai-prices" not in page
    assert viewer.post(f"{PRICES}refresh/").status_code == 403
    act(viewer, PRICES, "accept_selected", PriceProposal.objects.get())
    assert ProviderModel.objects.get().prices == []


@pytest.mark.parametrize("model_id", ["meta-llama/Llama-3:free", "gpt-4.1", "a b/c", "ünï/日本"])
def test_every_page_of_a_model_takes_its_id(admin: Client, provider: Provider, model_id: str) -> None:
    row = services.create_model(provider=provider, model_id=model_id)
    services.create_route(name="r", targets=[{"model": f"openai/{model_id}"}])
    for path in (
        MODELS,
        f"{MODELS}?q={model_id}",
        f"{MODELS}{row.pk}/change/",
        f"{MODELS}{row.pk}/history/",
        f"{MODELS}{row.pk}/delete/",
        f"{PROVIDERS}{provider.pk}/change/",
        f"{ROUTES}{Route.objects.get().pk}/change/",
        f"/admin/audit/changeset/{history.revision()}/change/",
    ):
        page = admin.get(path)
        assert page.status_code == 200, path
        assert model_id in page.content.decode(), path
    for path in ("/admin/", "/admin/playground/", "/admin/audit/call/", "/admin/audit/changeset/"):
        assert admin.get(path).status_code == 200, path
    assert send(admin, f"{MODELS}{row.pk}/change/", display_name="changed").status_code == 302
    assert ProviderModel.objects.get(pk=row.pk).model_id == model_id


def test_prices_are_entered_on_the_page_of_their_model(admin: Client, provider: Provider) -> None:
    page = f"{MODELS}{ProviderModel.objects.get().pk}/change/"
    bad = send(admin, page, prices='[{"input": 1.5}]')
    assert errors(bad)["prices"] == ["0.input: It must be a whole number."]
    assert send(admin, page, prices='[{"input": 5}, {"valid_from": "2030-01-01", "input": 6}]').status_code == 302
    stored = [{"valid_from": "1970-01-01", "input": 5}, {"valid_from": "2030-01-01", "input": 6}]
    assert ProviderModel.objects.get().prices == stored
    before = history.revision()
    assert send(admin, page).status_code == 302
    assert history.revision() == before
