"""The table of features against what the hub does, cell by cell: for each dialect of callers, each feature that it has
a word for, and each dialect of providers. And its page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llm.dialects.features import FEATURES, PROVIDERS, WORDS, Cell, Provider, callers_word
from llm.dialects.hub import CALLERS, GRAMMARS, translate_request
from llm.dialects.neutral import Conversation
from llm.errors import InvalidRequest
from llm.spec import Dialect, Request
from tests.llm.dialects.asking import request
from tests.llm.dialects.feature_example import INSTEAD, Example, nothing
from tests.llm.dialects.feature_examples import EXAMPLES, PLAIN
from tests.llm.dialects.features_page import page

PAGE = Path(__file__).parents[3] / "docs" / "dialects.md"
ROWS = {feature.name: feature for feature in FEATURES}
SPOKEN = [(caller, name) for caller, examples in EXAMPLES.items() for name in examples]
CELLS = [(caller, name, to) for caller, name in SPOKEN for to in PROVIDERS if to != caller]


@pytest.mark.parametrize(("caller", "name", "to"), CELLS)
def test_a_cell_says_what_happens(caller: Dialect, name: str, to: Provider) -> None:
    cell, example = ROWS[name].cells[to], EXAMPLES[caller][name]
    asked = request(caller, {"model": "asked-model", **example.body(to)})
    if cell.how == "refused":
        with pytest.raises(InvalidRequest) as refused:
            translate_request(asked, to, model="m", default_max_tokens=None)
        assert refused.value.param == _named(cell, example, caller)
        assert refused.value.message.startswith(refused.value.param or "?")
        return
    written, dropped = translate_request(asked, to, model="m", default_max_tokens=None)
    named = _named(cell, example, caller)
    assert dropped == ((named,) if named else ())
    said = CALLERS[caller].read_request(asked)
    if example.look is nothing:
        assert cell.how == "dropped" and said.lost == dropped
        return
    again = _read_again(to, written)
    assert (example.look(again) == example.look(said)) == (cell.how == "carried")
    if cell.how != "carried":
        assert _says(INSTEAD.get(name, example.look)(again)) == (cell.how == "approximated")


def _named(cell: Cell, example: Example, caller: Dialect) -> str:
    """What the caller reads: "" for nothing."""
    return example.named or callers_word(caller, cell.name)


def _says(found: object) -> bool:
    return any(map(_says, found)) if isinstance(found, list | tuple) else bool(found)


def _read_again(to: Provider, written: dict[str, object]) -> Conversation:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in written.items()}
    return GRAMMARS[to].read_request(Request(dialect=to, model="m", fields=fields))


@pytest.mark.parametrize(("caller", "name"), SPOKEN)
def test_an_example_says_its_feature(caller: Dialect, name: str) -> None:
    """The hub holds it, but for what is named or refused while the body is read."""
    example = EXAMPLES[caller][name]
    asked = request(caller, example.body(PROVIDERS[0]))
    if example.look is nothing:
        named = {_named(cell, example, caller) for cell in ROWS[name].cells.values()}
        try:
            assert set(CALLERS[caller].read_request(asked).lost) == named
        except InvalidRequest as refused:
            assert {refused.param} == named
        return
    plain = CALLERS[caller].read_request(request(caller, PLAIN[caller]))
    said = CALLERS[caller].read_request(asked)
    assert example.look(said) != example.look(plain)
    assert said.lost == plain.lost == ()


@pytest.mark.parametrize("caller", EXAMPLES)
def test_every_feature_that_a_dialect_has_a_word_for_has_an_example(caller: Dialect) -> None:
    assert {feature.name for feature in FEATURES if caller in feature.callers} == EXAMPLES[caller].keys()


def test_every_dialect_of_callers_has_examples() -> None:
    assert EXAMPLES.keys() == PLAIN.keys() == WORDS.keys() == CALLERS.keys()


def test_every_row_is_whole() -> None:
    assert len(ROWS) == len(FEATURES)
    for feature in FEATURES:
        assert tuple(feature.cells) == PROVIDERS
        for cell in feature.cells.values():
            told = {"carried": cell.name == "", "approximated": bool(cell.note)}
            assert told.get(cell.how, bool(cell.name or cell.note)), (feature.name, cell)


def test_every_callers_word_is_for_a_name_of_the_table() -> None:
    """But for two that the hub names where features meet: sampling that thinking by a budget bounds."""
    names = {cell.name for feature in FEATURES for cell in feature.cells.values()}
    for words in WORDS.values():
        assert words.keys() <= names | {"top_p", "messages"}


def test_the_page_is_the_table() -> None:
    """Renewed by `python -m tests.llm.dialects.features_page > docs/dialects.md`."""
    assert PAGE.read_text() == page()
