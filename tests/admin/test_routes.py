from __future__ import annotations

import json

import pytest

from access import services as access_services
from audit import history
from providers import services
from providers.admin import route_form
from providers.models import ApiKey, Route
from tests.providers.test_route_explain import trouble
from tests.providers.test_route_policy import WHOLE
from tests.support.admin_forms import errors, send

pytestmark = pytest.mark.django_db
ROUTES = "/admin/providers/route/"
TARGETS = '[{"model": "openai/gpt-4o"}]'


def test_a_route_from_birth_to_end(admin, provider):
    answer = send(admin, f"{ROUTES}add/", name="fast", targets=TARGETS, policy='{"retries": 1}')
    assert answer.status_code == 302, errors(answer)
    route = Route.objects.get()
    assert route.targets[0]["model"] == "openai/gpt-4o" and route.policy == {"retries": 1}
    page = f"{ROUTES}{route.pk}/change/"
    before = history.revision()
    assert send(admin, page).status_code == 302
    assert history.revision() == before
    assert send(admin, page, strategy="weighted").status_code == 302
    assert "weighted" in admin.get(f"{ROUTES}{route.pk}/history/").content.decode()
    admin.post(f"{ROUTES}{route.pk}/delete/", {"post": "yes"})
    assert not Route.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "No Name"),
        ("targets", ""),
        ("targets", "{"),
        ("targets", "{}"),
        ("targets", "[1]"),
        ("targets", '[{"model": "openai/none"}]'),
        ("targets", '[{"model": "openai/gpt-4o", "weight": -1}]'),
        ("targets", '[{"model": "openai/gpt-4o", "colour": "red"}]'),
        ("fallbacks", '[{"model": 1}]'),
        ("policy", '{"retries": "many"}'),
        ("policy", '{"colour": "red"}'),
        ("policy", "[]"),
        ("strategy", "luck"),
    ],
)
def test_what_is_wrong_stands_at_its_field(admin, provider, field, value):
    answer = send(admin, f"{ROUTES}add/", **{"name": "fast", "targets": TARGETS, field: value})
    assert answer.status_code == 200 and list(errors(answer)) == [field], errors(answer)
    assert not Route.objects.exists()


def test_a_route_that_a_project_uses_stays_and_the_page_says_why(admin, provider):
    send(admin, f"{ROUTES}add/", name="fast", targets=TARGETS)
    access_services.create_project(slug="search", default_route="fast")
    answer = admin.post(f"{ROUTES}{Route.objects.get().pk}/delete/", {"post": "yes"}, follow=True)
    assert "project:search" in answer.content.decode() and Route.objects.exists()


def page_of(client, route):
    return client.get(f"{ROUTES}{route.pk}/change/").content.decode()


def made(admin, **fields):
    answer = send(admin, f"{ROUTES}add/", **{"name": "fast", "targets": TARGETS, **fields})
    assert answer.status_code == 302, errors(answer)
    return Route.objects.get(name=fields.get("name", "fast"))


def test_the_whole_policy_goes_through_the_form_and_back(admin, provider):
    route = made(admin, strategy="least_latency", policy=json.dumps(WHOLE))
    assert (route.policy, route.strategy) == (WHOLE, "least_latency")
    before = history.revision()
    assert send(admin, f"{ROUTES}{route.pk}/change/").status_code == 302
    assert history.revision() == before
    answer = send(admin, f"{ROUTES}{route.pk}/change/", policy='{"stream_guard": {"until": "start"}}')
    assert errors(answer) == {"policy": ['stream_guard: It must be null, {"characters": 200} or {"until": "finish"}.']}


def test_the_page_tells_every_strategy_and_every_field_of_the_policy_in_words(admin, provider):
    assert list(route_form.STRATEGIES) == Route.Strategy.values
    assert route_form.POLICY.keys() == WHOLE.keys()
    page = admin.get(f"{ROUTES}add/").content.decode()
    for name in (*route_form.STRATEGIES, *route_form.POLICY):
        assert f"<strong>{name}</strong>" in page


def test_the_page_says_what_a_call_would_do_now(admin, provider):
    services.create_model(provider=provider, model_id="o3")
    services.create_model(provider=provider, model_id="off", enabled=False)
    targets = [{"model": "openai/gpt-4o", "weight": 3}, {"model": "openai/o3"}, {"model": "openai/off"}]
    route = made(admin, targets=json.dumps(targets))
    page = page_of(admin, route)
    assert page.index(">openai/gpt-4o</th>") < page.index(">openai/o3</th>")
    assert "<td>75 %</td>" in page and "<td>25 %</td>" in page
    assert "<strong>openai/off</strong> (target): the model is disabled" in page
    assert "All breakers of its providers, models and keys are closed." in page
    assert "It would fail" not in page


def test_the_page_shows_the_breakers_of_the_route_and_of_no_other(admin, provider, viewer):
    services.create_model(provider=provider, model_id="o3")
    route = made(admin, targets='[{"model": "openai/gpt-4o"}, {"model": "openai/o3"}]')
    key = ApiKey.objects.get()
    trouble("model", "openai/o3", "open", "server")
    trouble("model", "openai/elsewhere", "open", "server")
    trouble("key", f"openai/{key.key_id}", "cooling", "rate_limit")
    for client in (admin, viewer):
        page = page_of(client, route)
        assert "<strong>openai/o3</strong> (target): breaker open: model openai/o3 (server), until " in page
        assert "<strong>Model openai/o3</strong>: Open, Server, since " in page
        assert f"<strong>Key openai/{key.key_id}</strong> (default): Cooling, Rate Limit, since " in page
        assert "openai/elsewhere" not in page
        assert ">openai/gpt-4o</th>" in page and ">openai/o3</th>" not in page
    services.update_provider(provider=provider, enabled=False)
    page = page_of(admin, route)
    assert "It would fail: 404 model_not_found." in page
    assert "Nothing: a call of this route fails." in page
