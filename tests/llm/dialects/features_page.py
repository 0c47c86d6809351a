"""The page docs/dialects.md, made of the table of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llm.dialects.features import FEATURES, PROVIDERS, WORDS, Cell
from llm.spec import Dialect

HEAD: Final = """# What survives between dialects

A call goes to a provider of its own dialect untouched, with whatever the gateway has never heard of. To a provider of
another dialect it is translated, and each feature is one of these. This page is made of `llm/dialects/features`.

- *carried*: told in the provider's own words.
- *approximated*: something near to it is told; where a name stands here, the header names it as if it were dropped.
- *dropped*: left out, and named in the answer's header `x-gateway-dropped`.
- *refused*: a 400 that names the field, where leaving it out would change what was asked for.

*Said by* tells whose callers have a word for it. The names are those that callers of `openai_chat` read, but where the
second table says otherwise.

"""
NAMES: Final = """
## What callers read

A name in the header, or the field of a 400, is a word of the dialect that the caller speaks:

"""
CALLERS: Final[tuple[Dialect, ...]] = (*PROVIDERS, "openai_completions")


def page() -> str:
    head = ["feature", "said by", *(f"to `{one}`" for one in PROVIDERS)]
    rows = [
        [feature.what, _callers(feature.callers), *(_cell(feature.cells[one]) for one in PROVIDERS)]
        for feature in FEATURES
    ]
    return HEAD + _table(head, rows) + NAMES + _table(["name", *(f"`{one}`" for one in CALLERS)], _words())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def _callers(callers: Sequence[Dialect]) -> str:
    if set(callers) == set(CALLERS):
        return "all"
    if set(callers) == set(PROVIDERS):
        return "all but `openai_completions`"
    return ", ".join(f"`{one}`" for one in CALLERS if one in callers)


def _cell(cell: Cell) -> str:
    named = f" `{cell.name}`" if cell.name else ""
    return f"{cell.how}{named}" + (f": {cell.note}" if cell.note else "")


def _words() -> list[list[str]]:
    """Only for the names that a caller's dialect has a feature for; "" where it has none."""
    said: dict[str, dict[Dialect, str]] = {}
    for feature in FEATURES:
        for cell in feature.cells.values():
            for caller in feature.callers if cell.name else ():
                said.setdefault(cell.name, {})[caller] = WORDS[caller].get(cell.name, cell.name)
    differ = {name: words for name, words in said.items() if set(words.values()) != {name}}
    return [
        [f"`{name}`", *(f"`{words[one]}`" if one in words else "" for one in CALLERS)] for name, words in differ.items()
    ]


if __name__ == "__main__":
    print(page(), end="")
