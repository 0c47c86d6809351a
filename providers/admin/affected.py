"""What a dangerous action would touch, in words: "3 routes and 2 projects use openai/gpt-4o: ..."."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from providers import usage
from providers.models import ApiKey, Provider, ProviderModel, Route

MOST_NAMES = 20


def affected(rows: Iterable[Any]) -> list[str]:
    """One sentence for each row that something uses."""
    chosen = list(rows)
    keys = [row for row in chosen if isinstance(row, ApiKey)]
    found = [_sentence(str(row), _users(row)) for row in chosen]
    return [text for text in [*found, *_left_without_key(keys)] if text]


def _users(row: Any) -> list[str]:
    if isinstance(row, Provider):
        return usage.users_of_provider(row)
    if isinstance(row, ProviderModel):
        return usage.users_of_model(row)
    return usage.users_of_route(row) if isinstance(row, Route) else []


def _left_without_key(keys: list[ApiKey]) -> list[str]:
    """Providers that lose the last enabled key with `keys`."""
    found = []
    for provider in {key.provider_id: key.provider for key in keys if key.enabled}.values():
        if not provider.api_keys.filter(enabled=True).exclude(pk__in=[key.pk for key in keys]).exists():
            found.append(f"{provider} is left without an enabled key.")
            found.append(_sentence(str(provider), usage.users_of_provider(provider)))
    return found


def _sentence(name: str, users: list[str]) -> str:
    if not users:
        return ""
    counts = Counter(user.partition(":")[0] for user in users)
    words = [f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in sorted(counts.items(), reverse=True)]
    shown = [user.partition(":")[2] for user in sorted(users, reverse=True)[:MOST_NAMES]]
    more = f" and {len(users) - MOST_NAMES} more" if len(users) > MOST_NAMES else ""
    return f"{' and '.join(words)} {'uses' if len(users) == 1 else 'use'} {name}: {', '.join(shown)}{more}."
