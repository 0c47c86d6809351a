"""A conversation and an answer in the words of the tests, apart from every dialect and from the code under test."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.upstream_answers import ToolCall

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True, slots=True)
class Say:
    """One turn. `image` is a URL, or "png" for a small inline picture; `results` are (call id, text)."""

    role: str
    text: str = ""
    image: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """A request. `tools` are names. `extra` are top-level fields of the caller's own dialect."""

    says: tuple[Say, ...]
    system: str = ""
    tools: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    max_tokens: int = 100
    stream: bool = False
    wants_usage: bool = False
    extra: dict[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Counted:
    """As OpenAI counts: `input` includes `cached`."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as its caller reads it. `finish` in OpenAI's words, "" where the answer has no end."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: str
    usage: Counted | None


def user(text: str, **more: object) -> Talk:
    """One user turn; `more` are fields of Talk."""
    return Talk((Say("user", text),), **more)


def arguments(text: str) -> dict[str, object]:
    return {"type": "object", "properties": {text: {"type": "string"}}}
