"""The page docs/dialects.md, made of the table of features."""

from __future__ import annotations

from typing import Final

from llm.dialects.features import FEATURES, PROVIDERS, Cell

HEAD: Final = """# What survives between dialects

A call goes to a provider of its own dialect untouched, with whatever the gateway has never heard of. To a provider of
another dialect it is translated, and each feature is one of these. This page is made of `llm/dialects/features.py`.

- *carried*: told in the provider's own words.
- *approximated*: something near to it is told.
- *dropped*: left out, and named in the answer's header `x-gateway-dropped`.
- *refused*: a 400 that names the field, where leaving it out would change what was asked for.

"""


def page() -> str:
    rows = ["| feature | " + " | ".join(f"to `{one}`" for one in PROVIDERS) + " |", "|---" * (len(PROVIDERS) + 1) + "|"]
    for feature in FEATURES:
        rows.append(f"| {feature.what} | " + " | ".join(_cell(feature.cells[one]) for one in PROVIDERS) + " |")
    return HEAD + "\n".join(rows) + "\n"


def _cell(cell: Cell) -> str:
    named = f" `{cell.name}`" if cell.name else ""
    return f"{cell.how}{named}" + (f": {cell.note}" if cell.note else "")


if __name__ == "__main__":
    print(page(), end="")
