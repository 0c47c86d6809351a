from __future__ import annotations

import pytest

from access import services as access_services
from audit import history
from providers.models import Route
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
