"""The management client against the management API itself, served on a socket, with a provider on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model

from access.services import create_token
from audit import call_store, health_events
from audit.models import HealthOrder
from llm_gateway_client.management import (
    Changed,
    Conflict,
    InvalidFields,
    ManagementClient,
    NotAuthenticated,
    NotFound,
    Provider,
)
from tests.support.health import a_bad_day
from tests.support.installed_gateway import installed
from tests.support.made_calls import call, plain_trace
from tests.support.upstream import FakeUpstream
from tests.support.upstream_thread import ThreadedUpstream

pytestmark = pytest.mark.django_db(transaction=True)
KEY, NEXT = "sk-test-0123456789-abcdefgh", "sk-next-0123456789-ijklmnop"
LISTED = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")


@pytest.fixture
def upstream() -> Iterator[ThreadedUpstream]:
    with FakeUpstream.in_thread(keys={KEY, NEXT}, models=LISTED) as server, installed():
        yield server


@pytest.fixture
def client(live_server: Any) -> Iterator[ManagementClient]:
    user = get_user_model().objects.create_superuser("root", password="correct horse battery")
    _, token = create_token(user=user, name="client")
    with ManagementClient(live_server.url, token) as made:
        yield made


def make(client: ManagementClient, upstream: ThreadedUpstream) -> Provider:
    return client.providers.create_sync(
        "openai",
        "openai",
        display_name="OpenAI",
        connection_params={"api_base": f"{upstream.url}/v1"},
        models=[{"model_id": "gpt-4o", "context_window": 128_000}, {"model_id": "old"}],
        api_key={"key_value": KEY},
        reason="première mise\nen service ✓",
    )


def test_providers(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    made = make(client, upstream)
    assert (made.extra, made.api_keys[0].extra, made.models[0].extra) == ({}, {}, {})
    assert (made.models[0].context_window, made.api_keys[0].last4) == (128_000, KEY[-4:])
    assert made.created_at is not None and made.created_at.tzinfo is not None
    assert KEY not in repr(made)
    changed = client.providers.update_sync("openai", description="new", if_match=made.etag)
    assert changed.description == "new" and changed.etag != made.etag != ""
    assert client.providers.get_sync("openai") == changed
    with pytest.raises(Changed) as late:
        client.providers.update_sync("openai", description="late", if_match=made.etag)
    assert (late.value.status, late.value.code, late.value.retryable) == (412, "changed", False)
    [listed] = client.providers.list_sync(provider_type="openai", search="OPEN")
    assert listed == changed
    assert client.providers.list_sync(enabled=False).collect_sync() == []
    client.providers.delete_sync("openai", if_match=changed.etag)
    with pytest.raises(NotFound):
        client.providers.get_sync("openai")


def test_what_is_sent_back_as_it_came_changes_nothing(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    made = make(client, upstream)
    route = client.routes.create_sync(
        "fast", [{"model": "openai/gpt-4o", "weight": 2}], fallbacks=[{"model": "openai/old"}]
    )
    fields: dict[str, Any] = made.to_dict()
    del fields["provider_id"]
    assert client.providers.update_sync("openai", **fields).etag == made.etag
    assert [target.to_dict() for target in route.targets] == [
        {"model": "openai/gpt-4o", "priority": 1, "weight": 2, "enabled": True}
    ]
    again = client.routes.update_sync("fast", targets=[{"model": "openai/gpt-4o", "weight": 2}])
    assert again.etag == route.etag


def test_models_whose_ids_hold_slashes(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    make(client, upstream)
    name = "meta-llama/Llama-3.1:free"
    made = client.models.create_sync("openai", name, model_type="chat", max_tokens=1000)
    assert client.models.update_sync("openai", name, max_tokens=None, if_match=made.etag).max_tokens is None
    assert client.models.get_sync("openai", name).model_id == name
    assert [model.model_id for model in client.models.list_of_sync("openai", page_size=1)] == ["gpt-4o", name, "old"]
    assert client.models.list_sync(provider_id="openai").page_sync().count == 3
    client.models.delete_sync("openai", name)
    with pytest.raises(NotFound):
        client.models.list_of_sync("nobody").collect_sync()


def test_keys_are_rotated_and_used(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    [old] = make(client, upstream).api_keys
    new = client.keys.rotate_sync("openai", old.key_id, key_value=NEXT, grace_hours=1.0, reason="leaked")
    assert new.previous is not None and new.previous.key_id == old.key_id
    assert new.previous.expires_at is not None and new.previous.expires_at < datetime.now(UTC) + timedelta(hours=1.1)
    result = client.providers.test_sync("openai", model="gpt-4o")
    assert (result.success, result.model_tested, result.error, result.extra) == (True, "gpt-4o", None, {})
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {NEXT}"
    tested = client.providers.get_sync("openai").last_test
    assert tested == result
    added = client.keys.create_sync(
        "openai", name="b", reference="env:B_API_KEY", weight=3, expires_at=datetime(2040, 1, 1, tzinfo=UTC)
    )
    assert client.keys.update_sync("openai", added.key_id, expires_at=None, enabled=False).expires_at is None
    assert {key.key_id for key in client.keys.list_sync("openai")} == {old.key_id, new.key_id, added.key_id}
    client.keys.delete_sync("openai", added.key_id)
    call_store.insert([call(timedelta(0), provider="openai", provider_key=new.key_id, input_tokens=7)])
    [day] = client.keys.usage_sync("openai", new.key_id).days
    assert (day.requests, day.input_tokens, day.day) == (1, 7, datetime.now(UTC).date())


def test_a_failed_test_and_what_the_provider_lists(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    made = make(client, upstream)
    found = client.providers.discover_sync("openai")
    assert [model.model_id for model in found.new] == list(LISTED[1:])
    assert [model.model_id for model in found.known] == ["gpt-4o"]
    assert [model.model_id for model in found.gone] == ["old"]
    added = client.providers.discover_sync("openai", apply=["gpt-4o-mini"], reason="wanted")
    assert added.added == ["gpt-4o-mini"]
    client.keys.update_sync("openai", made.api_keys[0].key_id, key_value="sk-wrong-0123456789-abcdefgh")
    result = client.providers.test_sync("openai")
    assert not result.success and result.error_code == "upstream_credentials_exhausted"


def test_parameters_of_several_environments(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    make(client, upstream)
    for environment, seconds in (("", 30), ("staging", 60)):
        client.parameters.set_sync("openai", "timeout_seconds", seconds, environment=environment)
    assert client.parameters.get_sync("openai", "timeout_seconds").param_value == 30
    changed = client.parameters.update_sync("openai", "timeout_seconds", environment="staging", param_value=90)
    assert (changed.param_value, changed.environment) == (90, "staging")
    client.parameters.set_sync("openai", "extra_headers", {"x-team": "secret"}, is_sensitive=True)
    assert client.parameters.get_sync("openai", "extra_headers").param_value is None
    client.parameters.delete_sync("openai", "timeout_seconds", environment="staging")
    left = [row.param_name for row in client.parameters.list_sync("openai")]
    assert sorted(left) == ["api_base", "extra_headers", "timeout_seconds"]


def test_routes_and_what_they_lead_to(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    make(client, upstream)
    client.models.update_sync("openai", "old", enabled=False)
    client.routes.create_sync(
        "fast", [{"model": "openai/gpt-4o"}], fallbacks=[{"model": "openai/old"}], strategy="priority"
    )
    told = client.routes.explain_sync("fast")
    assert [(one.model, one.role, one.share) for one in told.candidates] == [("openai/gpt-4o", "target", 100)]
    assert [(one.model, one.role) for one in told.left_out] == [("openai/old", "fallback")]
    assert told.plan is not None and (told.plan.error, told.plan.extra) == (None, {})
    assert [(one.model, one.role, one.reason) for one in told.plan.skipped] == [("openai/old", "fallback", "disabled")]
    assert [(one.model, one.role) for one in told.plan.candidates] == [("openai/gpt-4o", "target")]
    resolved = client.routes.resolved_sync("fast")
    assert (resolved.candidates, resolved.left_out, resolved.extra) == (told.candidates, told.left_out, {})
    with pytest.raises(InvalidFields) as wrong:
        client.routes.explain_sync("fast", body={"messages": []})
    assert list(wrong.value.field_errors) == ["body.messages"]
    with pytest.raises(InvalidFields) as unknown:
        client.routes.explain_sync("fast", project="nobody", endpoint="messages", session="s")
    assert list(unknown.value.field_errors) == ["project"]
    assert client.routes.update_sync("fast", description="d", policy={"retries": 1}).policy == {"retries": 1}
    with pytest.raises(Conflict) as used:
        client.providers.delete_sync("openai")
    assert "fast" in str(used.value)
    client.routes.delete_sync("fast")
    assert client.routes.list_sync().collect_sync() == []


def test_projects_their_keys_and_calls(client: ManagementClient) -> None:
    project = client.projects.create_sync("search", name="Search", tags={"team": "a"}, allowed_models=["*"])
    assert project.tags == {"team": "a"}
    assert client.projects.update_sync("search", owner="o", if_match=project.etag).owner == "o"
    made = client.project_keys.create_sync("search", "ci", expires_at="2040-01-01T00:00:00Z")
    assert made.key.startswith("gw-") and made.key not in repr(made) and made.extra == {}
    assert made.expires_at == datetime(2040, 1, 1, tzinfo=UTC)
    assert client.project_keys.update_sync("search", made.key_id, name="cd").name == "cd"
    assert [key.name for key in client.project_keys.list_sync("search")] == ["cd"]
    client.project_keys.revoke_sync("search", made.key_id)
    with pytest.raises(NotFound):
        client.project_keys.get_sync("search", made.key_id)
    made_calls = [call(timedelta(minutes=n), project="search", request_id=f"a/{n} ?") for n in (2, 3)]
    call_store.insert(
        [call(timedelta(minutes=1), project="search", request_id="a/1 ?", trace=plain_trace()), *made_calls]
    )
    since = datetime.now(UTC) - timedelta(minutes=2.5)
    found = client.calls.list_sync(project="search", since=since, page_size=1).collect_sync()
    assert [one.request_id for one in found] == ["a/1 ?", "a/2 ?"]
    assert client.calls.get_sync("a/2 ?") == client.calls.get_sync(found[1].call_id) == found[1]
    assert (found[0].extra, found[0].latency_ms, found[1].trace) == ({}, 100.0, [])
    plan, attempt = found[0].trace
    assert (plan.event, plan.reason, plan.candidates, plan.duration_ms) == ("plan", "priority", ["openai/gpt-4o"], None)
    assert (attempt.event, attempt.role, attempt.duration_ms, attempt.extra) == ("attempt", "target", 99.5, {})
    client.projects.delete_sync("search")


def test_breakers_and_incidents(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    make(client, upstream)
    health_events.insert(a_bad_day())
    troubled = [("model", "openai/gpt-4o", "open"), ("key", "openai/k1", "cooling")]
    assert [(one.kind, one.name, one.state) for one in client.breakers.list_sync(ordering="since")] == troubled
    [model] = client.breakers.list_sync(kind="model", provider="openai", category="server")
    assert (model.failures, model.cause, model.extra) == (5, "calls", {})
    assert model.until is not None and model.until > datetime.now(UTC) + timedelta(minutes=50)
    [lasting] = client.incidents.list_sync(open=True)
    assert (lasting.name, lasting.closed_at, lasting.closed_by, lasting.extra) == ("openai/gpt-4o", None, "", {})
    assert lasting.seconds == pytest.approx(300, abs=60)
    over = client.incidents.list_sync(kind="provider", page_size=1).collect_sync()
    told = client.incidents.get_sync(over[0].id)
    assert (told.category, told.closed_by, told.open, told.events) == ("timeout", "probe", False, 3)
    assert [(one.old, one.new, one.incident) for one in told.told] == [
        ("half_open", "closed", told.id),
        ("open", "half_open", told.id),
        ("closed", "open", told.id),
    ]
    since = datetime.now(UTC) - timedelta(hours=3)
    assert client.health_events.list_sync(kind="provider", since=since).collect_sync() == told.told
    with pytest.raises(NotFound):
        client.incidents.get_sync(10**20)
    check_trouble_in_the_status_and_its_end(client, troubled)


def check_trouble_in_the_status_and_its_end(client: ManagementClient, troubled: list[tuple[str, str, str]]) -> None:
    [status] = client.status_sync().providers
    assert status.breaker is not None and (status.breaker.state, status.breaker.extra) == ("open", {})
    assert [(one.kind, one.name, one.state) for one in status.breaker.troubled] == troubled
    assert (status.open_incidents, status.attempts, status.failed_attempts) == (1, 0, 0)
    assert (status.probe_interval_seconds, status.last_probe, status.extra) == (0, None, {})
    done = client.breakers.reset_sync("model", "openai/gpt-4o", reason="repariert ✓")
    assert (done.kind, done.name, done.state, done.extra) == ("model", "openai/gpt-4o", "closed", {})
    [order] = HealthOrder.objects.all()
    assert (order.pk, order.reason, order.given_by) == (done.order, "repariert ✓", "root")
    with pytest.raises(InvalidFields) as wrong:
        client.breakers.reset_sync("planet", "mars")
    assert list(wrong.value.field_errors) == ["kind"]
    with pytest.raises(NotFound):
        client.breakers.reset_sync("model", "openai/unheard-of")


def test_the_audit_log_and_the_way_back(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    made = make(client, upstream)
    client.providers.update_sync("openai", description="new")
    newest, first = list(client.audit.changes_sync(object="provider:openai", actor="root"))
    assert first.reason == "première mise en service ✓"
    assert (newest.origin, newest.revision, newest.extra) == ("rest", first.revision + 1, {})
    assert client.audit.change_sync(newest.revision) == newest
    told = client.audit.diff_sync(first.revision)
    [change] = told.changes
    assert (told.from_, told.to, change.object) == (first.revision, newest.revision, "provider:openai")
    assert change.fields["description"] == {"old": "", "new": "new"}
    plan = client.audit.plan_revert_sync(newest.revision)
    assert (plan.revision, [step.action for step in plan.steps], plan.problems) == (None, ["update"], {})
    with pytest.raises(Changed):
        client.audit.revert_sync(newest.revision, "another")
    done = client.audit.revert_sync(newest.revision, plan.plan_hash, reason="back")
    assert done.revision == newest.revision + 1 and client.providers.get_sync("openai").description == ""
    assert client.audit.change_sync(done.revision).reverts == newest.revision
    back = client.audit.plan_revert_to_sync(newest.revision, objects=["provider:openai"])
    client.audit.revert_to_sync(newest.revision, back.plan_hash, objects=["provider:openai"])
    assert client.providers.get_sync("openai").description == "new"
    assert yaml.safe_load(client.audit.config_sync(revision=first.revision))["providers"]["openai"]["description"] == ""
    assert made.etag == f'"{first.revision}"'


def test_prices_status_and_the_configuration_as_a_file(client: ManagementClient, upstream: ThreadedUpstream) -> None:
    make(client, upstream)
    assert client.prices.refresh_sync(provider_id="openai").count == 1
    [proposal] = client.prices.proposals_sync()
    assert (proposal.model, proposal.old, proposal.extra) == ("openai/gpt-4o", None, {})
    assert client.prices.dismiss_sync(["openai/gpt-4o"]).models == ["openai/gpt-4o"]
    client.prices.refresh_sync()
    assert client.prices.accept_sync(reason="list").revision is not None
    status = client.status_sync()
    [one] = status.providers
    assert (one.provider_id, one.state, one.extra, one.keys[0].extra, status.extra) == ("openai", "ready", {}, {}, {})
    text = client.config.export_yaml_sync()
    assert client.config.import_yaml_sync(text, dry_run=True).plan == []
    changed = text.replace("display_name: OpenAI", "display_name: Ünder")
    assert client.config.import_yaml_sync(changed, reason="renamed").plan[0].startswith("~ provider:openai")
    assert client.providers.get_sync("openai").display_name == "Ünder"
    with pytest.raises(InvalidFields) as wrong:
        client.config.import_yaml_sync("version: 1\nproviders: [}\n")
    assert "file" in wrong.value.field_errors
    assert "$schema" in client.config.schema_sync()
    assert "openai" in client.providers.sync_sync("openai").yaml


def test_errors(client: ManagementClient, live_server: Any) -> None:
    with pytest.raises(InvalidFields) as wrong:
        client.providers.create_sync("p", "echo", models=[{"model_id": "a//b"}], descriptin="typo")  # type: ignore[call-arg]  # reason: a misspelled field
    assert (wrong.value.status, wrong.value.code) == (400, "invalid_request")
    assert wrong.value.field_errors == {"descriptin": ["There is no such field."]}
    assert str(wrong.value) == "descriptin: There is no such field. (invalid_request)"
    client.providers.create_sync("p", "echo")
    with pytest.raises(Conflict):
        client.providers.create_sync("p", "echo")
    with ManagementClient(live_server.url, "gwadm-unknown") as stranger, pytest.raises(NotAuthenticated) as refused:
        stranger.status_sync()
    assert refused.value.status == 401


def test_the_same_awaited(client: ManagementClient) -> None:
    async def flow() -> list[str]:
        async with client:
            await client.providers.create("p", "echo", models=[{"model_id": f"m{n}"} for n in range(3)])
            assert (await client.providers.test("p")).provider_id == "p"
            return [model.model_id async for model in client.models.list(page_size=2)]

    assert asyncio.run(flow()) == ["m0", "m1", "m2"]
