"""Prices of models over HTTP: their form, their way into the snapshot, and proposals that an operator accepts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit import history
from audit.models import ChangeSet
from llm.prices import Price, Rates, Tier
from providers import catalogue, prices
from providers.models import PriceProposal, ProviderModel
from providers.snapshot_part import snapshot_part

JSON = "json"
MODEL = "/providers/openai/models/gpt-4o"
PRICE = {"valid_from": "2026-01-31", "input": 2_500_000_000, "output": 10_000_000_000}


def put(api: APIClient, *entries: dict[str, Any]) -> Any:
    return api.patch(MODEL, {"prices": list(entries)}, format=JSON)


def test_prices_come_back_in_the_order_of_their_days_and_go_to_the_snapshot(
    api: APIClient, openai: dict[str, Any]
) -> None:
    whole = {
        **PRICE,
        "cache_read": 1,
        "cache_write_5m": 2,
        "cache_write_1h": 3,
        "reasoning": 4,
        "per_image": 5,
        "per_request": 6,
        "tiers": [{"from_tokens": 500, "input": 9}, {"from_tokens": 200, "input": 7, "output": 8}],
    }
    answer = put(api, whole, {"input": 1, "output": None})
    assert answer.status_code == 200
    first, second = answer.json()["prices"]
    assert first == {"valid_from": "1970-01-01", "input": 1}
    assert second == {**whole, "tiers": [whole["tiers"][1], whole["tiers"][0]]}
    assert api.get("/providers/openai").json()["models"][0]["prices"] == [first, second]
    assert api.get("/models").json()["results"][0]["prices"] == [first, second]
    built = snapshot_part(environment="", allow_private=True).models["openai", "gpt-4o"].prices
    day = datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    tiers = (Tier(200, Rates(7, 8)), Tier(500, Rates(9)))
    assert built == (Price(0.0, Rates(1)), Price(day, Rates(2_500_000_000, 10_000_000_000, 1, 2, 3, 4), tiers, 5, 6))
    model = ProviderModel.objects.get()
    assert prices.model_price_at(model, datetime(2026, 1, 30, 23, 59, tzinfo=UTC)) == built[0]
    assert prices.model_price_at(model, datetime(2026, 1, 31, tzinfo=UTC)) == built[1]


def test_a_change_of_a_price_is_a_change_of_its_model_and_sent_back_it_is_none(
    api: APIClient, openai: dict[str, Any]
) -> None:
    tag = api.get("/providers/openai").headers["ETag"]
    answer = put(api, PRICE)
    assert api.get("/providers/openai").headers["ETag"] != tag
    (row,) = ProviderModel.history.filter(revision=history.revision())
    assert history.registration(ProviderModel).dump(row.__dict__)["prices"] == [PRICE]
    before = history.revision()
    assert api.put(MODEL, answer.json(), format=JSON).json() == answer.json()
    provider = api.get("/providers/openai").json()
    assert api.put("/providers/openai", provider, format=JSON).json() == provider
    assert history.revision() == before


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ({"input": 1}, "prices"),
        ([1], "prices.0"),
        ([{}], "prices.0.input"),
        ([{"valid_from": "2026-01-31"}], "prices.0.input"),
        ([{"input": 1.5}], "prices.0.input"),
        ([{"input": "1"}], "prices.0.input"),
        ([{"input": True}], "prices.0.input"),
        ([{"input": -1}], "prices.0.input"),
        ([{"input": 10**16}], "prices.0.input"),
        ([{"input": 1, "valid_from": "31.1.2026"}], "prices.0.valid_from"),
        ([{"input": 1, "valid_from": "2026-02-30"}], "prices.0.valid_from"),
        ([{"input": 1, "valid_from": "0001-01-01"}], "prices.0.valid_from"),
        ([{"input": 1}, {"output": 1}], "prices.1.valid_from"),
        ([{"input": 1, "colour": 1}], "prices.0.colour"),
        ([{"input": 1, "tiers": 5}], "prices.0.tiers"),
        ([{"input": 1, "tiers": [{"input": 2}]}], "prices.0.tiers.0.from_tokens"),
        ([{"input": 1, "tiers": [{"from_tokens": 0, "input": 2}]}], "prices.0.tiers.0.from_tokens"),
        ([{"input": 1, "tiers": [{"from_tokens": 1, "per_image": 2}]}], "prices.0.tiers.0.per_image"),
        ([{"input": 1, "tiers": [{"from_tokens": 1}, {"from_tokens": 1}]}], "prices.0.tiers.1.from_tokens"),
    ],
)
def test_bad_prices_are_400_at_their_place(api: APIClient, openai: dict[str, Any], entries: Any, field: str) -> None:
    answer = api.patch(MODEL, {"prices": entries}, format=JSON)
    assert answer.status_code == 400, answer.json()
    assert next(iter(answer.json())).startswith(field.split(".")[0])
    if field.count(".") > 1:
        assert list(answer.json()) == [field]
    assert ProviderModel.objects.get().prices == []


ENTRY = st.fixed_dictionaries(
    {"input": st.integers(0, prices.LARGEST)},
    optional={
        **{name: st.none() | st.integers(0, prices.LARGEST) for name in (*prices.RATES[1:], *prices.SINGLE)},
        "valid_from": st.dates(datetime(1970, 1, 1).date()).map(str),
        "tiers": st.lists(
            st.fixed_dictionaries({"from_tokens": st.integers(1, 10**6), "output": st.integers(0, 10**9)}),
            max_size=3,
            unique_by=lambda tier: tier["from_tokens"],
        ),
    },
)


@given(st.lists(ENTRY, max_size=5, unique_by=lambda entry: entry.get("valid_from") or prices.BEGINNING))
def test_the_normal_form_stays_as_it_is_and_can_be_built(entries: list[dict[str, Any]]) -> None:
    normal = prices.clean(entries)
    assert prices.clean(normal) == normal
    assert prices.clean(list(reversed(entries))) == normal
    built = prices.built(normal)
    assert [price.valid_from for price in built] == sorted(price.valid_from for price in built)
    assert sum(price.rates.input for price in built) == sum(entry["input"] for entry in entries)


def test_a_refresh_proposes_and_changes_nothing(api: APIClient, openai: dict[str, Any]) -> None:
    api.post("/providers/openai/models", {"model_id": "no-such-model-of-anyone"}, format=JSON)
    api.post("/providers/openai/models", {"model_id": "*"}, format=JSON)
    before = history.revision()
    answer = api.post("/prices/refresh", {}, format=JSON)
    assert answer.status_code == 200
    (proposal,) = answer.json()["proposals"]
    today = datetime.now(UTC).date().isoformat()
    listed = dict(catalogue.entry("openai", "", "gpt-4o").price)
    assert listed
    assert (proposal["model"], proposal["old"], proposal["source"]) == ("openai/gpt-4o", None, "genai-prices")
    assert proposal["price"] == {"valid_from": today, **listed}
    assert api.get("/prices/proposals/").json()["results"] == [proposal]
    assert api.post("/prices/refresh/", {"provider_id": "openai"}, format=JSON).json()["count"] == 1
    assert api.get("/prices/proposals?provider_id=openai").json()["count"] == 1
    assert api.get("/prices/proposals?provider_id=none").json()["count"] == 0
    assert api.get("/prices/proposals?colour=1").status_code == 400
    assert (history.revision(), ProviderModel.objects.get(model_id="gpt-4o").prices) == (before, [])


def test_what_is_accepted_is_one_change_set_and_proposed_no_more(api: APIClient, openai: dict[str, Any]) -> None:
    api.post("/providers/openai/models", {"model_id": "gpt-4o-mini"}, format=JSON)
    put(api, {**PRICE, "valid_from": "2020-01-01", "per_request": 5})
    assert api.post("/prices/refresh", {}, format=JSON).json()["count"] == 2
    before = history.revision()
    answer = api.post("/prices/accept", {"reason": "new list"}, format=JSON)
    assert answer.json() == {"models": ["openai/gpt-4o", "openai/gpt-4o-mini"], "revision": before + 1}
    assert ChangeSet.objects.get(revision=before + 1).reason == "new list"
    old, new = ProviderModel.objects.get(model_id="gpt-4o").prices
    assert old == {**PRICE, "valid_from": "2020-01-01", "per_request": 5}
    assert new["per_request"] == 5, "what the list knows nothing of stays"
    assert api.post("/prices/refresh", {}, format=JSON).json()["count"] == 0
    assert api.post("/prices/accept", {}, format=JSON).json() == {"models": [], "revision": None}


def test_a_proposal_is_dismissed_or_has_become_wrong(api: APIClient, openai: dict[str, Any]) -> None:
    api.post("/prices/refresh", {}, format=JSON)
    unknown = api.post("/prices/accept", {"models": ["openai/none"]}, format=JSON)
    assert (unknown.status_code, list(unknown.json())) == (400, ["models"])
    put(api, PRICE)
    stale = api.post("/prices/accept", {"models": ["openai/gpt-4o"]}, format=JSON)
    assert (stale.status_code, "has changed since" in stale.json()["models"][0]) == (400, True)
    assert ProviderModel.objects.get().prices == [PRICE]
    gone = api.post("/prices/dismiss/", {"models": ["openai/gpt-4o"]}, format=JSON)
    assert gone.json() == {"models": ["openai/gpt-4o"], "revision": None}
    api.post("/prices/refresh", {}, format=JSON)
    api.delete(MODEL)
    assert "any more" in api.post("/prices/accept", {}, format=JSON).json()["models"][0]
    assert api.post("/prices/refresh", {"provider_id": "none"}, format=JSON).status_code == 404
    assert api.post("/prices/refresh", {"colour": 1}, format=JSON).status_code == 400


def test_who_may_change_models_may_accept_prices(api: APIClient, openai: dict[str, Any]) -> None:
    api.post("/prices/refresh", {}, format=JSON)
    user = get_user_model().objects.create_user("viewer")
    user.user_permissions.set(Permission.objects.filter(codename="view_providermodel"))
    client = APIClient()
    client.force_authenticate(user)
    assert client.get("/prices/proposals").json()["count"] == 1
    for path in ("/prices/refresh", "/prices/accept", "/prices/dismiss"):
        assert client.post(path, {}, format=JSON).status_code == 403
        assert APIClient().post(path, {}, format=JSON).status_code == 401
    user.user_permissions.set(Permission.objects.filter(codename="change_providermodel"))
    client.force_authenticate(get_user_model().objects.get(username="viewer"))
    assert client.post("/prices/accept", {}, format=JSON).json()["models"] == ["openai/gpt-4o"]
    assert not PriceProposal.objects.exists()


def test_prices_go_out_with_the_configuration_and_come_back(api: APIClient, openai: dict[str, Any]) -> None:
    put(api, PRICE, {"valid_from": "2027-01-01", "per_request": 3, "tiers": [{"from_tokens": 5, "output": 1}]})
    priced, stored = history.revision(), api.get(MODEL).json()["prices"]
    exported = api.get("/config/export").content
    assert b"valid_from: '2026-01-31'" in exported
    put(api)
    for text in (exported, exported.replace(b"'2026-01-31'", b"2026-01-31")):
        answer = api.post("/config/import?dry_run=false", text, content_type="application/yaml")
        assert answer.status_code == 200, answer.content
        assert api.get(MODEL).json()["prices"] == stored
        put(api)
    plan = api.post("/audit/revert", {"to": priced, "objects": ["model:openai/gpt-4o"]}, format=JSON).json()
    body = {"to": priced, "objects": ["model:openai/gpt-4o"], "dry_run": False, "plan_hash": plan["plan_hash"]}
    assert api.post("/audit/revert", body, format=JSON).status_code == 200
    assert api.get(MODEL).json()["prices"] == stored
