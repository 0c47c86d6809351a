"""SecretField against the real database: nothing readable at rest, nothing lost, nothing shown."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.forms import modelform_factory

from audit import history
from providers.fields import SecretField, Undecryptable
from providers.models import ApiKey, Provider
from tests.providers.conftest import SECRET

pytestmark = pytest.mark.django_db
LOST = "an-encryption-key-that-is-lost"


@pytest.fixture
def key() -> ApiKey:
    provider = Provider(provider_id="p", display_name="P", provider_type="openai")
    provider.save()
    key = ApiKey(provider=provider, key_id="k1", secret=SECRET)
    key.save()
    return key


def stored(key: ApiKey) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM providers_apikey WHERE id = %s", [key.pk])
        return bytes(cursor.fetchone()[0])


def test_it_is_encrypted_at_rest_and_read_back(key: ApiKey) -> None:
    assert SECRET.encode() not in stored(key)
    assert ApiKey.objects.get().secret == SECRET


def test_an_unchanged_secret_writes_no_revision(key: ApiKey) -> None:
    before = history.revision()
    ApiKey.objects.get().save()
    assert history.revision() == before


def test_bulk_update_encrypts_each_value(key: ApiKey) -> None:
    second = ApiKey(provider=key.provider, key_id="k2", name="second", secret="two")
    second.save()
    key.secret, second.secret = "new-one", None
    history.bulk_update([key, second], ["secret"])
    assert [row.secret for row in ApiKey.objects.order_by("key_id")] == ["new-one", None]
    assert b"CASE" not in stored(key)
    assert b"new-one" not in stored(key)


@pytest.mark.parametrize(
    "expression", [Value("plain"), F("name"), Case(When(pk=1, then=Value("plain"))), Case(When(pk=1, then=F("name")))]
)
def test_expressions_are_refused(key: ApiKey, expression: Any) -> None:
    token = history._bulk.set(True)  # past the history's own refusal of update()
    try:
        with pytest.raises(FieldError), transaction.atomic():
            ApiKey.objects.update(secret=expression)
    finally:
        history._bulk.reset(token)
    key.secret = expression
    with pytest.raises((FieldError, ValueError, TypeError)), transaction.atomic():
        key.save()
    assert ApiKey.objects.get().secret == SECRET


@pytest.mark.parametrize("lookup", ["secret", "secret__contains", "secret__in", "secret__gt", "secret__length"])
def test_lookups_are_refused(key: ApiKey, lookup: str) -> None:
    with pytest.raises(FieldError):
        ApiKey.objects.filter(**{lookup: "x"}).exists()


def test_isnull_works(key: ApiKey) -> None:
    assert ApiKey.objects.filter(secret__isnull=False).exists()


def test_a_row_whose_key_is_lost_can_be_listed_saved_and_deleted(key: ApiKey, settings: Any) -> None:
    before = stored(key)
    settings.FERNET_KEYS = [LOST]
    row = ApiKey.objects.get()
    assert isinstance(row.secret, Undecryptable)
    assert not row.secret
    assert row.secret == ApiKey.objects.get().secret
    assert SECRET not in repr(row.secret) and before.decode() not in f"{row.secret!r} {row.secret}"
    row.weight = 7
    row.save()
    assert stored(key) == before
    history.bulk_update([row], ["secret", "weight"])
    assert stored(key) == before
    settings.FERNET_KEYS = ["test-key-of-the-suite-0123456789abcdef"]
    assert (ApiKey.objects.get().secret, ApiKey.objects.get().weight) == (SECRET, 7)
    settings.FERNET_KEYS = [LOST]
    ApiKey.objects.get().delete()


def test_several_keys_the_newest_writes_and_all_read(key: ApiKey, settings: Any) -> None:
    settings.FERNET_KEYS = ["newest", *settings.FERNET_KEYS]
    row = ApiKey.objects.get()
    assert row.secret == SECRET
    row.secret = "again"
    row.save()
    settings.FERNET_KEYS = ["newest"]
    assert ApiKey.objects.get().secret == "again"


@pytest.mark.parametrize("format", ["json", "jsonl", "python", "xml", "yaml"])
def test_dumpdata_shows_null(key: ApiKey, format: str) -> None:
    out = io.StringIO()
    if format == "python":
        from django.core import serializers

        out.write(str(serializers.serialize("python", ApiKey.objects.all())))
    else:
        call_command("dumpdata", "providers", format=format, stdout=out)
    assert "k1" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_the_history_has_no_column_for_it(key: ApiKey) -> None:
    names = {field.name for field in ApiKey.history.model._meta.get_fields()}
    assert "secret" not in names


def test_a_blank_form_field_keeps_what_is_stored(key: ApiKey) -> None:
    form_class = modelform_factory(ApiKey, fields=["secret", "weight"])
    shown = form_class(instance=key)
    assert SECRET not in shown.as_p()
    form = form_class({"secret": "", "weight": 3}, instance=ApiKey.objects.get())
    assert form.is_valid(), form.errors
    form.save()
    assert (ApiKey.objects.get().secret, ApiKey.objects.get().weight) == (SECRET, 3)


def test_the_field_of_the_migration_is_our_own() -> None:
    assert SecretField(null=True).deconstruct()[1] == "providers.fields.SecretField"
