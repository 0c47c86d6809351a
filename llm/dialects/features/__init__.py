"""What becomes of each feature of a request that goes to a provider of another dialect, as a table.

It is the source of tests (tests/llm/dialects/test_features.py: one for each caller's dialect, feature and provider's
dialect), of the page docs/dialects.md and of the names in `x-gateway-dropped`. Within one dialect nothing is touched:
everything is carried, what the gateway has never heard of too.

    carried       the provider is told what the caller said, in its own words
    approximated  the provider is told something near to it; named in `x-gateway-dropped` where the cell has a `name`
    dropped       left out, and named in `x-gateway-dropped` as `name`
    refused       400, with `name` as the field: leaving it out would change what the caller asked for
"""

from __future__ import annotations

from typing import Final

from llm.dialects.features.answer import ANSWER
from llm.dialects.features.cell import PROVIDERS, Cell, Feature, Provider
from llm.dialects.features.content import CONTENT
from llm.dialects.features.history import HISTORY
from llm.dialects.features.names import WORDS, callers_word
from llm.dialects.features.settings import SETTINGS
from llm.dialects.features.tools import TOOLS

__all__ = ["FEATURES", "PROVIDERS", "WORDS", "Cell", "Feature", "Provider", "callers_word"]

FEATURES: Final[tuple[Feature, ...]] = (*CONTENT, *TOOLS, *HISTORY, *ANSWER, *SETTINGS)
