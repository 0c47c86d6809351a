"""Which connection parameters mean something to a provider's kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from llm.adapters.kinds import BY_NAME, OPEN
from providers import kinds
from providers.models import ConnectionParameter
from providers.problems import refuse

# https://learn.microsoft.com/azure/ai-services/openai/api-version-lifecycle (read in November 2026)
_AZURE_VERSION: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-preview)?|preview|latest|v1")


def check(kind: str, name: str) -> None:
    """ValidationError where the kind has no parameter of this name."""
    if not kinds.is_known(kind) or kind in OPEN or kinds.takes(kind, name):
        return
    raise refuse("param_name", f'A provider of kind {kind} has no parameter "{name}"; {_there_are(kind)}.')


def check_value(kind: str, name: str, value: Any) -> None:
    """What a kind asks of a value beyond its type."""
    if kind == "azure_openai" and name == "api_version" and not _AZURE_VERSION.fullmatch(str(value)):
        raise refuse("param_value", "It must be a version of Azure's API: 2024-10-21, 2025-04-01-preview.")


def warning(kind: str, row: ConnectionParameter) -> str | None:
    """What the operator should know of a stored parameter; None where all is well."""
    if not kinds.is_known(kind) or kinds.takes(kind, row.param_name):
        return None
    return f'{kind} knows no parameter "{row.param_name}": it is kept, and has no effect.'


def warnings(kind: str, rows: Iterable[ConnectionParameter]) -> list[str]:
    """Each once, whatever the environments."""
    return list(dict.fromkeys(text for row in rows if (text := warning(kind, row)) is not None))


def _there_are(kind: str) -> str:
    names = BY_NAME[kind].parameters
    return f"it has {', '.join(sorted(names))}" if names else "it has none"
