"""Prices of a model: a list of entries, each valid from a day (UTC). Whole numbers: nano-USD per million tokens;
`per_image` and `per_request` in nano-USD each.

    {"valid_from": "2026-01-01", "input": 2500000000, "output": 10000000000, "cache_read": 1250000000,
     "tiers": [{"from_tokens": 200001, "input": 5000000000, "output": 15000000000}]}

What an entry leaves out: see `llm.prices.Rates`. Without `valid_from` it is valid from the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from llm.prices import RATES, Price, built, price_at
from providers import names
from providers.models import ProviderModel
from providers.problems import Problems, refuse

BEGINNING: Final = "1970-01-01"
SINGLE: Final = ("per_image", "per_request")
LARGEST: Final = 10**15  # a million USD per million tokens
MOST_ENTRIES: Final = 200
MOST_TIERS: Final = 10


def clean(value: Any) -> list[dict[str, Any]]:
    """The list in its normal form: by day, without what is null. ValidationError with paths: `prices.0.input`."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise refuse("prices", 'It must be a list: [{"valid_from": "2026-01-01", "input": 2500000000}].')
    if len(value) > MOST_ENTRIES:
        raise refuse("prices", f"It has at most {MOST_ENTRIES} entries.")
    problems, found = Problems(), dict[str, dict[str, Any]]()
    for place, item in enumerate(value):
        with problems.under(f"prices.{place}"):
            entry = _entry(item)
            if entry["valid_from"] in found:
                raise refuse("valid_from", "Two entries begin on this day.")
            found[entry["valid_from"]] = entry
    problems.raise_found()
    return [found[day] for day in sorted(found)]


def model_price_at(model: ProviderModel, when: datetime) -> Price | None:
    """What the model costs at `when`; None where no price is valid yet."""
    return price_at(built(model.prices), when.timestamp())


def _entry(item: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unknown(item, {"valid_from", "tiers", *RATES, *SINGLE})
    day = _day(BEGINNING if item.get("valid_from") is None else item["valid_from"])
    entry = {"valid_from": day, **_numbers(item, (*RATES, *SINGLE))}
    tiers = item.get("tiers")
    if tiers is not None and tiers != []:
        entry["tiers"] = _tiers(tiers)
    if len(entry) == 1:
        raise refuse("input", "An entry needs at least one price.")
    return entry


def _tiers(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value) or len(value) > MOST_TIERS:
        raise refuse("tiers", f'It must be a list of at most {MOST_TIERS}: [{{"from_tokens": 200001, "input": 5}}].')
    problems, found = Problems(), dict[int, dict[str, Any]]()
    for place, item in enumerate(value):
        with problems.under(f"tiers.{place}"):
            _refuse_unknown(item, {"from_tokens", *RATES})
            names.check_whole_number("from_tokens", item.get("from_tokens"), smallest=1)
            tokens = item["from_tokens"]
            if tokens in found:
                raise refuse("from_tokens", "Two tiers begin with this number of tokens.")
            found[tokens] = {"from_tokens": tokens, **_numbers(item, RATES)}
    problems.raise_found()
    return [found[tokens] for tokens in sorted(found)]


def _numbers(item: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, int]:
    problems = Problems()
    given = [name for name in wanted if item.get(name) is not None]
    for name in given:
        with problems.under():
            names.check_whole_number(name, item[name], largest=LARGEST)
    problems.raise_found()
    return {name: item[name] for name in given}


def _refuse_unknown(item: Mapping[str, Any], known: set[str]) -> None:
    for name in item:
        if name not in known:
            raise refuse(str(name)[:60], f"There is no such field; there are {', '.join(sorted(known))}.")


def _day(value: Any) -> str:
    # YAML reads an unquoted day as a date.
    if type(value) is date:
        return value.isoformat()
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None or day.year < 1970:
        raise refuse("valid_from", "It must be a day from 1970 on: 2026-01-31.")
    return day.isoformat()
