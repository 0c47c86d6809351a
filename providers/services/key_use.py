"""When a provider's key was last used, from the records of calls."""

from __future__ import annotations

from collections.abc import Iterable

from audit import last_use
from llm.observe.record import CallRecord
from providers.models import ApiKey, ApiKeyState


def note_key_use(records: Iterable[CallRecord]) -> None:
    """Takes the records of a batch of calls, in any order and also a second time. Keys that are gone are left out."""
    used = last_use.newest(
        (record for record in records if record.provider_key), lambda r: (r.provider, r.provider_key)
    )
    keys = ApiKey.objects.filter(key_id__in={key_id for _, key_id in used})
    found = keys.values_list("pk", "provider_id", "key_id")
    by_pk = {pk: used[provider, key_id] for pk, provider, key_id in found if (provider, key_id) in used}
    ApiKeyState.objects.bulk_create(
        last_use.newer(ApiKeyState, "api_key", by_pk),
        update_conflicts=True,
        unique_fields=["api_key"],
        update_fields=["last_used_at"],
    )
