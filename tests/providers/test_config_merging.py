"""Three-way: what the file said, what it says now, what the database says."""

from __future__ import annotations

from typing import Any

import pytest

from providers.config_file.merging import Before, Decision, merge
from providers.config_file.wanted import Wanted

NAME = "route:r"


def decided(said: Any, says: Any, then: Any, now: Any, **how: bool) -> Decision:
    """A route whose description was, is, was in the database, is there now; None: no such object."""
    base = {NAME: Before({"description": said}, {"name": "r", "description": then})} if said is not None else {}
    wanted = {NAME: Wanted(NAME, ("routes", "r"), {"description": says})} if says is not None else {}
    states = {NAME: {"name": "r", "description": now}} if now is not None else {}
    return merge(base=base, wanted=wanted, now=states, **how)


@pytest.mark.parametrize(
    ("said", "says", "then", "now", "outcome"),
    [
        # the file says it for the first time
        (None, "a", None, None, "create"),
        (None, "a", None, "a", "nothing"),
        (None, "a", None, "z", "write"),
        # the file says what it said
        ("a", "a", "a", "a", "nothing"),
        ("a", "a", "a", "z", "kept"),
        ("a", "a", "a", None, "kept"),
        # the file changed it
        ("a", "b", "a", "a", "write"),
        ("a", "b", "a", "z", "kept"),
        ("a", "b", "a", "b", "nothing"),
        ("a", "b", "a", None, "kept"),
        # the file dropped it
        ("a", None, "a", "a", "delete"),
        ("a", None, "a", "z", "kept"),
        ("a", None, "a", None, "nothing"),
        # neither names it
        (None, None, None, "z", "nothing"),
        # the database has its own form of what the file said
        ("a", "a", "A", "A", "nothing"),
        ("a", "b", "A", "A", "write"),
    ],
)
def test_every_case(said: Any, says: Any, then: Any, now: Any, outcome: str) -> None:
    assert told(decided(said, says, then, now)) == outcome


@pytest.mark.parametrize(
    ("said", "says", "then", "now", "outcome"),
    [
        ("a", "a", "a", "z", "write"),
        ("a", "b", "a", "z", "write"),
        ("a", "a", "a", None, "create"),
        ("a", None, "a", "z", "delete"),
        (None, None, None, "z", "nothing"),
    ],
)
def test_by_force_the_file_wins(said: Any, says: Any, then: Any, now: Any, outcome: str) -> None:
    assert told(decided(said, says, then, now, force=True)) == outcome


def test_pruning_deletes_what_the_file_never_named() -> None:
    assert told(decided(None, None, None, "z", prune=True)) == "delete"
    assert told(decided(None, "a", None, "a", prune=True)) == "nothing"


def told(decision: Decision) -> str:
    found = ["create" if order.new else "write" for order in decision.orders]
    found += ["delete" for _ in decision.deletes] + ["kept" for _ in decision.kept]
    assert len(found) <= 1
    return found[0] if found else "nothing"


def test_a_field_that_the_file_does_not_state_is_nobodys_business() -> None:
    before = Before({"description": "a"}, {"name": "r", "description": "a", "enabled": True})
    wanted = Wanted(NAME, (), {"description": "b"})
    decision = merge(
        base={NAME: before},
        wanted={NAME: wanted},
        now={NAME: {"name": "r", "description": "a", "enabled": False}},
    )
    assert [(order.wanted.name, set(order.fields)) for order in decision.orders] == [(NAME, {"description"})]
    assert decision.kept == []


def test_a_field_that_the_file_states_now_gives_way_to_one_that_was_changed_since() -> None:
    before = Before({}, {"name": "r", "description": ""})
    wanted = Wanted(NAME, (), {"description": "file"})
    decision = merge(base={NAME: before}, wanted={NAME: wanted}, now={NAME: {"name": "r", "description": "admin"}})
    assert (decision.orders, decision.kept) == ([], [(NAME, "description")])
