"""What a cell and a row of the table are, and short ways to write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from llm.spec import Dialect

How = Literal["carried", "approximated", "dropped", "refused"]
Provider = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini"]

PROVIDERS: Final[tuple[Provider, ...]] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")

OPENAI: Final[tuple[Dialect, ...]] = ("openai_chat", "openai_responses")
NOT_MESSAGES: Final[tuple[Dialect, ...]] = (*OPENAI, "gemini")
NOT_GEMINI: Final[tuple[Dialect, ...]] = (*OPENAI, "anthropic_messages")
NOT_RESPONSES: Final[tuple[Dialect, ...]] = ("openai_chat", "anthropic_messages", "gemini")
ALL: Final[tuple[Dialect, ...]] = (*PROVIDERS, "openai_completions")


@dataclass(frozen=True, slots=True)
class Cell:
    """`name` is the hub's name of what is told to the caller, in the header or as the error's field; the caller reads
    its own word for it (`features.callers_word`). "": nothing is told, or the field as the caller wrote it, as `note`
    says. `note` is for people."""

    how: How
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """`name` is ours; `what` explains it in a line; `callers` are the dialects that have a word for it."""

    name: str
    what: str
    cells: Mapping[Provider, Cell]
    callers: tuple[Dialect, ...] = PROVIDERS


CARRIED: Final = Cell("carried")


def cells(chat: Cell, responses: Cell, messages: Cell, gemini: Cell) -> Mapping[Provider, Cell]:
    return dict(zip(PROVIDERS, (chat, responses, messages, gemini), strict=True))


def everywhere(cell: Cell) -> Mapping[Provider, Cell]:
    return dict.fromkeys(PROVIDERS, cell)


def near(note: str, name: str = "") -> Cell:
    return Cell("approximated", name, note)


def dropped(name: str, note: str = "") -> Cell:
    return Cell("dropped", name, note)


def refused(name: str, note: str = "") -> Cell:
    return Cell("refused", name, note)


CARRIED_EVERYWHERE: Final = everywhere(CARRIED)
