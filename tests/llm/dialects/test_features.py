"""The table of features against what the hub does with a request of OpenAI's chat, cell by cell; and its page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llm.dialects.features import FEATURES, PROVIDERS, Cell, Provider
from llm.dialects.hub import GRAMMARS, translate_request
from llm.errors import InvalidRequest
from llm.spec import Request
from tests.llm.dialects.asking import request
from tests.llm.dialects.feature_examples import EXAMPLES
from tests.llm.dialects.features_page import page

PAGE = Path(__file__).parents[3] / "docs" / "dialects.md"
OTHERS: tuple[Provider, ...] = PROVIDERS[1:]
CELLS = {(feature.name, to): feature.cells[to] for feature in FEATURES for to in OTHERS}


@pytest.mark.parametrize("to", OTHERS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_cell_says_what_happens(name: str, to: Provider) -> None:
    cell = CELLS[name, to]
    body, look = EXAMPLES[name]
    asked = request("openai_chat", {"model": "asked-model", **body})
    if cell.how == "refused":
        with pytest.raises(InvalidRequest) as refused:
            translate_request(asked, to, model="m", default_max_tokens=None)
        assert refused.value.param and (not cell.name or cell.name == refused.value.param)
        return
    written, dropped = translate_request(asked, to, model="m", default_max_tokens=None)
    assert _named(cell) <= set(dropped)
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in written.items()}
    again = GRAMMARS[to].read_request(Request(dialect=to, model="m", fields=fields))
    kept = look(again) == look(GRAMMARS["openai_chat"].read_request(asked))
    assert kept == (cell.how == "carried"), look(again)
    assert dropped == () or cell.how != "carried"


def _named(cell: Cell) -> set[str]:
    return {cell.name} if cell.name else set()


def test_every_feature_that_chat_can_say_has_an_example_or_a_reason() -> None:
    spoken = {feature.name for feature in FEATURES if "openai_chat" in feature.callers}
    elsewhere = {
        "thinking_history": "in the tests of each dialect's history",
        "cache_marks": "in the tests of each dialect's marks",
        "server_tools": "named by the dialect that reads them: its own tests",
    }
    assert spoken == EXAMPLES.keys() | elsewhere.keys()


def test_names_are_told_once() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(names) == len(set(names))
    assert all(tuple(feature.cells) == PROVIDERS for feature in FEATURES)


def test_the_page_is_the_table() -> None:
    """Renewed by `python -m tests.llm.dialects.features_page > docs/dialects.md`."""
    assert PAGE.read_text() == page()
