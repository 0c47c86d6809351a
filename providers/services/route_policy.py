"""What an operator may write as the policy of a route."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from llm.core import policies
from providers import names
from providers.parameters import LONGEST_SECONDS, TIMEOUTS
from providers.problems import Problems, refuse

MOST_RETRIES: Final = 10
MOST_GUARDED: Final = 1_000_000  # characters of a stream that are held back
MOST_SHARE: Final = 0.5  # of a route's calls that are hedged
PRICES: Final = ("input", "output")
_GUARD: Final = 'It must be null, {"characters": 200} or {"until": "finish"}.'
_CAP: Final = 'It must be null or an object with one or both of "input" and "output": {"input": 5, "output": 20}.'
_HEDGE: Final = f'It must be null or {{"max_share": 0.05}}: above 0, at most {MOST_SHARE}.'


def check(policy: Any) -> None:
    """ValidationError that names each field that is wrong: `policy.retries`; `policy` for a name that there is not."""
    if not isinstance(policy, dict):
        raise refuse("policy", "It must be a JSON object.")
    names.check_json("policy", policy)
    problems = Problems()
    for name, value in policy.items():
        with problems.under():
            if name not in _CHECKS:
                raise refuse("policy", f'There is no "{name[:60]}"; there are {", ".join(FIELDS)}.')
            _CHECKS[name](f"policy.{name}", value)
    problems.raise_found()


def _retries(field: str, value: Any) -> None:
    names.check_whole_number(field, value, largest=MOST_RETRIES)


def _seconds(field: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_SECONDS:
        raise refuse(field, f"It must be a number of seconds above 0, at most {LONGEST_SECONDS}.")


def _flag(field: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise refuse(field, "It must be true or false.")


def _one_of(*words: str, null: bool = False) -> Callable[[str, Any], None]:
    known = ", ".join((*(["null"] if null else []), *words))

    def check_word(field: str, value: Any) -> None:
        if not (isinstance(value, str) and value in words) and not (null and value is None):
            raise refuse(field, f"It must be one of {known}.")

    return check_word


def _stream_guard(field: str, value: Any) -> None:
    if value is None or value == {"until": "finish"}:
        return
    _check_object(field, value, ("characters",), _GUARD)
    names.check_whole_number(field, value["characters"], smallest=1, largest=MOST_GUARDED)


def _max_price_usd(field: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or not value or not value.keys() <= set(PRICES):
        raise refuse(field, _CAP)
    for price in value.values():
        try:
            policies.nano_usd(price)
        except ValueError as error:
            raise refuse(field, str(error)) from None


def _hedge(field: str, value: Any) -> None:
    if value is None:
        return
    _check_object(field, value, ("max_share",), _HEDGE)
    share = value["max_share"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= MOST_SHARE:
        raise refuse(field, _HEDGE)


def _null(field: str, value: Any) -> None:
    if value is not None:
        raise refuse(field, "Other values than the default are not supported yet.")


def _check_object(field: str, value: Any, wanted: Collection[str], message: str) -> None:
    if not isinstance(value, dict) or value.keys() != set(wanted):
        raise refuse(field, message)


_CHECKS: Final[Mapping[str, Callable[[str, Any], None]]] = {
    "retries": _retries,
    **dict.fromkeys(TIMEOUTS, _seconds),
    "content_filter_fallback": _flag,
    "unsupported": _one_of("drop", "refuse"),
    "stream_guard": _stream_guard,
    "affinity": _one_of("session", "conversation", null=True),
    "max_price_usd": _max_price_usd,
    "hedge": _hedge,
    "cache": _null,
}
FIELDS: Final = tuple(_CHECKS)
