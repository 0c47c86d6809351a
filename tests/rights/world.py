"""One of everything that there is, for requests to every address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from access import services
from access.models import Project, ProjectKey, ProviderGrant, UserToken
from audit import calls, health_events, history
from audit.models import Call, HealthEvent, Incident
from providers import services as provider_services
from providers.models import ApiKey, ConnectionParameter, PriceProposal, Provider, ProviderModel, Route
from tests.rights.table import RANKS
from tests.support.health import event
from tests.support.made_calls import call

NOWHERE = "http://127.0.0.1:9/v1"  # a test call is refused at once


class Undo(Exception):
    """Ends a request's transaction: the next one finds all as it was."""


def undone(request: Any) -> Any:
    """The answer to a request whose changes are taken back."""
    answers = []
    try:
        with transaction.atomic():
            answers.append(request())
            raise Undo
    except Undo:
        return answers[0]


def made() -> dict[str, Any]:
    for name in ("mine", "other"):
        provider_services.create_provider(
            provider_id=name,
            provider_type="openai_compatible",
            api_keys=[{"key_value": f"sk-of-{name}-0123456789abcdef"}],
            connection_params={"api_base": NOWHERE, "timeout_seconds": 30},
            models=[{"model_id": "m"}],
        )
    revision = history.revision()
    provider_services.create_route(name="theirs", targets=[{"model": "other/m"}])
    project = services.create_project(slug="search")
    key, key_text = services.create_key(project=project, name="a")
    calls.row(call(timedelta(minutes=1), provider="other", request_id="r-other")).save()
    health_events.insert([event(0, name="other")])
    users = {role: services.create_user(username=role, password=None, groups=[role]) for role in RANKS}
    users["limited"] = services.create_user(username="limited", password=None, groups=["operator"])
    services.create_grant(user=users["limited"], provider="mine", may_change=True)
    services.create_token(user=users["viewer"], name="t")
    PriceProposal.objects.create(
        provider_id="other",
        model_id="m",
        price={"valid_from": "2026-01-01", "input": 1},
        source="x",
        created_at=timezone.now(),
    )
    AccessAttempt.objects.create(username="x", ip_address="192.0.2.1", failures_since_start=1)
    return {"users": users, "key": key_text, "kwargs": _kwargs(key, revision), "rows": _rows(revision)}


def _kwargs(key: ProjectKey, revision: int) -> dict[str, Any]:
    """The parts of paths, by name; for one address alone under "address:part"."""
    provider = Provider.objects.get(provider_id="other")
    stored = ApiKey.objects.get(provider="other")
    return {
        "provider_id": "other",
        "model_id": "m",
        "key_id": stored.key_id,
        "param_name": "timeout_seconds",
        "name": "theirs",
        "slug": "search",
        "revision": revision,
        "pk": provider.pk,
        "object_id": provider.pk,
        "app_label": "providers",
        "id": User.objects.get(username="viewer").pk,
        "project-key-detail:key_id": key.key_id,
        "call:name": "r-other",
        "incident:id": Incident.objects.get().pk,
        "admin:providers_apikey_rotate:pk": stored.pk,
        "admin:providers_apikey_rotate_this:object_id": stored.pk,
        "admin:providers_provider_test:?": f"?id={provider.pk}",
        "admin:audit_changeset_timeline:?": "?name=provider:other",
        "admin:access_project_new_key:object_id": Project.objects.get().pk,
    }


def _rows(revision: int) -> dict[str, Any]:
    other = {"provider": "other"}
    return {
        "providers_provider": Provider.objects.get(provider_id="other").pk,
        "providers_providermodel": ProviderModel.objects.get(**other).pk,
        "providers_apikey": ApiKey.objects.get(**other).pk,
        "providers_connectionparameter": ConnectionParameter.objects.get(**other, param_name="timeout_seconds").pk,
        "providers_route": Route.objects.get().pk,
        "providers_priceproposal": PriceProposal.objects.get().pk,
        "access_project": Project.objects.get().pk,
        "access_projectkey": ProjectKey.objects.get().pk,
        "access_usertoken": UserToken.objects.get().pk,
        "access_providergrant": ProviderGrant.objects.get().pk,
        "auth_user": User.objects.get(username="viewer").pk,
        "auth_group": Group.objects.get(name="viewer").pk,
        "axes_accessattempt": AccessAttempt.objects.get().pk,
        "audit_call": Call.objects.get().pk,
        "audit_changeset": revision,
        "audit_healthevent": HealthEvent.objects.get().pk,
        "audit_incident": Incident.objects.get().pk,
    }
