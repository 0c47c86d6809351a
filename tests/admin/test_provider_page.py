from __future__ import annotations

import pytest
from django.test import Client

from audit import history
from audit.models import ChangeSet
from providers import services
from providers.models import ApiKey, ConnectionParameter, Provider, ProviderModel
from tests.support.admin_forms import errors, send, shown

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ADD = "/admin/providers/provider/add/"
SECRET = "sk-a-real-looking-secret-0123456789"  # as in conftest
OTHER = "sk-another-secret-9876543210-abcdef"


def change(provider):
    return f"/admin/providers/provider/{provider.pk}/change/"


def add(admin, **fields):
    new = {"provider_id": "openai", "provider_type": "openai", "display_name": "OpenAI", "enabled": "on"}
    return send(admin, ADD, **{**new, **fields})


def row(formset, place=0, /, **fields):
    return {f"{formset}-{place}-{field}": value for field, value in fields.items()}


KEY = row("api_keys", name="default", key_value=SECRET, weight="1", enabled="on")
MODEL = row("models", model_id="gpt-4o", model_type="chat", enabled="on")
PARAMETER = row("connection_parameters", param_name="api_base", plain_value="https://llm.example/v1")


def test_a_provider_with_model_key_and_parameter_is_one_change(admin):
    answer = add(admin, **KEY, **MODEL, **PARAMETER, change_reason="our first")
    assert answer.status_code == 302, errors(answer)
    key = ApiKey.objects.get()
    assert (key.secret, key.last4, key.provider_id) == (SECRET, SECRET[-4:], "openai")
    assert "llm.example" in key.bound_to
    assert ProviderModel.objects.get().model_id == "gpt-4o"
    assert ConnectionParameter.objects.get().value == "https://llm.example/v1"
    made = ChangeSet.objects.get()
    assert (made.origin, made.actor, made.reason) == ("admin", "root", "our first")


def test_saving_a_page_as_it_is_changes_nothing(admin, provider):
    before = history.revision()
    answer = send(admin, change(provider))
    assert answer.status_code == 302, errors(answer)
    assert history.revision() == before


def test_no_page_shows_a_secret(admin, provider):
    pages = [change(provider), "/admin/providers/provider/", f"/admin/providers/provider/{provider.pk}/history/"]
    for name, model in (("apikey", ApiKey), ("connectionparameter", ConnectionParameter)):
        pages.append(f"/admin/providers/{name}/")
        for pk in model.objects.values_list("pk", flat=True):
            pages += [f"/admin/providers/{name}/{pk}/change/", f"/admin/providers/{name}/{pk}/history/"]
    for page in pages:
        answer = admin.get(page)
        assert answer.status_code == 200, page
        assert SECRET not in answer.content.decode() and "hidden-value" not in answer.content.decode(), page


def test_a_blank_key_keeps_what_is_stored(admin, provider):
    answer = send(admin, change(provider), **row("api_keys", key_value="", weight="7"))
    assert answer.status_code == 302, errors(answer)
    key = ApiKey.objects.get()
    assert (key.secret, key.weight) == (SECRET, 7)


def test_a_new_key_replaces_the_old_in_place(admin, provider):
    old = ApiKey.objects.get()
    assert send(admin, change(provider), **row("api_keys", key_value=OTHER)).status_code == 302
    key = ApiKey.objects.get()
    assert (key.pk, key.secret) == (old.pk, OTHER) and key.fingerprint != old.fingerprint
    page = admin.get(f"/admin/providers/apikey/{key.pk}/history/").content.decode()
    assert key.fingerprint in page and old.fingerprint in page
    assert OTHER not in page and SECRET not in page


def test_a_page_that_comes_back_asks_for_the_key_again(admin, provider):
    answer = send(admin, change(provider), display_name="", **row("api_keys", key_value=OTHER))
    page = answer.content.decode()
    assert answer.status_code == 200 and "enter it again" in page and OTHER not in page


def test_a_reference_takes_the_place_of_a_key(admin, provider):
    answer = send(admin, change(provider), **row("api_keys", reference="env:OPENAI_API_KEY"))
    assert answer.status_code == 302, errors(answer)
    key = ApiKey.objects.get()
    assert (key.reference, key.secret) == ("env:OPENAI_API_KEY", None)


def test_a_new_address_leaves_the_key_waiting_until_it_is_entered_anew(admin, provider):
    fields = shown(admin, change(provider))
    place = next(name for name, value in fields.items() if value == "https://llm.example/v1")
    send(admin, change(provider), **{place: "https://evil.example/v1"})
    key = f"/admin/providers/apikey/{ApiKey.objects.get().pk}/change/"
    assert "awaiting secret" in admin.get(key).content.decode()
    send(admin, change(provider), **row("api_keys", key_value=SECRET))
    assert "awaiting secret" not in admin.get(key).content.decode()


def test_address_and_key_in_one_form_are_bound_together(admin, provider):
    fields = shown(admin, change(provider))
    place = next(name for name, value in fields.items() if value == "https://llm.example/v1")
    send(admin, change(provider), **{place: "https://other.example/v1"}, **row("api_keys", key_value=OTHER))
    assert "other.example" in ApiKey.objects.get().bound_to


def test_parameters_keep_their_type(admin, provider):
    fields = shown(admin, change(provider))
    place = next(name for name, value in fields.items() if value == "120")
    assert send(admin, change(provider), **{place: "30.5"}).status_code == 302
    assert ConnectionParameter.objects.get(param_name="timeout_seconds").value == 30.5


def test_a_sensitive_parameter_is_kept_when_blank_and_replaced_when_given(admin, provider):
    old = ConnectionParameter.objects.get(is_sensitive=True)
    fields = shown(admin, change(provider))
    place = next(
        name for name, value in fields.items() if value == "extra_headers" or (name.endswith("is_sensitive") and value)
    )
    prefix = place.rsplit("-", 1)[0]
    send(admin, change(provider), **{f"{prefix}-secret_text": ""})
    assert ConnectionParameter.objects.get(pk=old.pk).secret_value == old.secret_value
    answer = send(admin, change(provider), **{f"{prefix}-secret_text": '{"x-team": "newer-value"}'})
    assert answer.status_code == 302, errors(answer)
    row = ConnectionParameter.objects.get(pk=old.pk)
    assert row.secret_value == '{"x-team": "newer-value"}' and row.value is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"provider_id": "Open AI"}, "provider_id"),
        ({"provider_type": "telepathy"}, "provider_type"),
        ({"display_name": ""}, "display_name"),
        ({"request_settings": "{"}, "request_settings"),
        ({"request_settings": "[1]"}, "request_settings"),
        ({"request_settings": '{"password": "x"}'}, "request_settings"),
        ({"request_settings": '{"timeout_seconds": "soon"}'}, "request_settings"),
        (row("models", model_id="a?b"), "models-0-model_id"),
        (row("models", model_id="a", context_window="-1"), "models-0-context_window"),
        (row("models", model_id="a", context_window="0"), "models-0-context_window"),
        (row("models", model_id="a", model_type="poem"), "models-0-model_type"),
        (row("api_keys", name="a", key_value=""), "api_keys-0-key_value"),
        (row("api_keys", name="a", key_value="••••••••"), "api_keys-0-key_value"),
        (row("api_keys", name="a", reference="env:HOME"), "api_keys-0-reference"),
        (row("api_keys", name="a", key_value=SECRET, reference="env:A_API_KEY"), "api_keys-0-reference"),
        (
            row("api_keys", name="a", key_value=SECRET, expires_at_0="2001-01-01", expires_at_1="00:00"),
            "api_keys-0-expires_at",
        ),
        (
            row("connection_parameters", param_name="api_base", plain_value="ftp://x"),
            "connection_parameters-0-plain_value",
        ),
        (row("connection_parameters", param_name="api_base", plain_value=""), "connection_parameters-0-plain_value"),
        (row("connection_parameters", param_name="a b", plain_value="1"), "connection_parameters-0-param_name"),
        (row("connection_parameters", param_name="x", secret_text="y"), "connection_parameters-0-secret_text"),
        (row("connection_parameters", param_name="x", is_sensitive="on"), "connection_parameters-0-secret_text"),
        (
            row("connection_parameters", param_name="x", is_sensitive="on", plain_value="y"),
            "connection_parameters-0-plain_value",
        ),
        (
            row("connection_parameters", param_name="proxy", plain_value="http://u:p@x:1"),
            "connection_parameters-0-plain_value",
        ),
        (
            row("connection_parameters", param_name="api_base", is_sensitive="on", secret_text="https://x"),
            "connection_parameters-0-is_sensitive",
        ),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_saved(admin, fields, wrong):
    answer = add(admin, **fields)
    assert answer.status_code == 200
    assert wrong in errors(answer), errors(answer)
    assert set(errors(answer)) <= {wrong, "__all__"}
    assert not Provider.objects.exists() and history.revision() == 0
    assert SECRET not in answer.content.decode()


def test_a_name_that_is_taken_is_said_at_its_field(admin, provider):
    assert set(errors(add(admin))) == {"provider_id"}
    answer = send(admin, change(provider), **row("models", 1, model_id="gpt-4o", model_type="chat"))
    assert answer.status_code == 200 and any(name.startswith("models") for name in errors(answer))
    assert ProviderModel.objects.count() == 1


def test_the_same_parameter_by_its_other_name_does_not_overwrite(admin, provider):
    count = ConnectionParameter.objects.count()
    answer = send(
        admin,
        change(provider),
        **row("connection_parameters", count, param_name="base_url", plain_value="https://other.example"),
    )
    assert f"connection_parameters-{count}-param_name" in errors(answer)
    assert ConnectionParameter.objects.get(param_name="api_base").value == "https://llm.example/v1"


def test_deleting_rows_and_the_provider(admin, provider):
    send(admin, change(provider), **row("models", DELETE="on"), **row("api_keys", DELETE="on"))
    assert not ProviderModel.objects.exists() and not ApiKey.objects.exists()
    path = f"/admin/providers/provider/{provider.pk}/delete/"
    assert admin.get(path).status_code == 200
    assert admin.post(path, {"post": "yes"}).status_code == 302
    assert not Provider.objects.exists()
    assert Provider.history.filter(history_type="-").exists()


def test_what_a_route_uses_is_not_deleted_and_the_page_says_why(admin, provider):
    added = send(admin, "/admin/providers/route/add/", name="fast", targets='[{"model": "openai/gpt-4o"}]')
    assert added.status_code == 302, errors(added)
    answer = send(admin, change(provider), **row("models", DELETE="on"))
    assert "route:fast" in answer.content.decode() and ProviderModel.objects.exists()
    answer = admin.post(f"/admin/providers/provider/{provider.pk}/delete/", {"post": "yes"}, follow=True)
    assert "route:fast" in answer.content.decode() and Provider.objects.exists()
    chosen = {"action": "delete_selected", "_selected_action": [provider.pk], "post": "yes"}
    answer = admin.post("/admin/providers/provider/", chosen, follow=True)
    assert "route:fast" in answer.content.decode() and Provider.objects.exists()


def test_names_never_change(admin, provider):
    send(admin, change(provider), provider_id="other", **row("models", model_id="other"))
    assert Provider.objects.get().provider_id == "openai"
    assert ProviderModel.objects.get().model_id == "gpt-4o"


def test_who_may_only_look_cannot_save(viewer, provider):
    page = viewer.get(change(provider))
    assert page.status_code == 200 and "_save" not in page.content.decode()
    assert SECRET not in page.content.decode()
    assert viewer.post(change(provider), {"display_name": "x"}).status_code == 403
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(f"/admin/providers/provider/{provider.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_is_no_staff_is_sent_to_the_login(provider, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("eve"))
    for path in ("/admin/", change(provider), "/admin/providers/apikey/"):
        assert "/admin/login/" in client.get(path).headers["location"]


def test_an_undecryptable_key_can_be_listed_and_entered_anew(admin, provider, settings):
    settings.FERNET_KEYS = ["another-key-0123456789-0123456789-0123"]
    page = admin.get(change(provider))
    assert page.status_code == 200 and "undecryptable" in page.content.decode()
    assert send(admin, change(provider), **row("api_keys", key_value=OTHER)).status_code == 302
    assert ApiKey.objects.get().secret == OTHER


def test_a_provider_of_many_models_has_pages_of_them(admin, provider):
    services.update_provider(provider=provider, models=[{"model_id": f"m-{number:03}"} for number in range(70)])
    before = history.revision()
    for page in (change(provider), f"{change(provider)}?models-page=2"):
        assert send(admin, page).status_code == 302
    assert history.revision() == before
    second = f"{change(provider)}?models-page=2"
    answer = send(admin, second, **row("models", 0, display_name="Changed"))
    assert answer.status_code == 302, errors(answer)
    assert ProviderModel.objects.filter(display_name="Changed").values_list("model_id", flat=True).get() > "m-040"
