"""What an example of a feature is, and where the hub's words hold what it says."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from llm.dialects.features import Provider
from llm.dialects.neutral import (
    Audio,
    Conversation,
    Document,
    Image,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Body = dict[str, Any]
Look = Callable[[Conversation], object]


def nothing(_: Conversation) -> object:
    """Of what is refused, or left out, while the caller's body is read."""
    return None


@dataclass(frozen=True, slots=True)
class Example:
    """`body` says the feature in the caller's dialect, to a provider of a dialect; `look` gives what the hub's words
    hold of it. `named`: what a caller reads where the table's cell leaves it to the body."""

    body: Callable[[Provider], Body]
    look: Look = nothing
    named: str = ""


Examples = dict[str, Example]

SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
PIXEL: Final = "iVBORw0KGgo="
SOUND: Final = "UklGRg=="
PDF: Final = "JVBERi0="
TXT: Final = base64.b64encode(b"Once upon a time.").decode()
PICTURE_AT: Final = "https://example.com/a.png"
PDF_AT: Final = "https://example.com/a.pdf"
PAGE: Final = {"url": "https://example.com/", "title": "Weather"}
STOPS: Final = ["END", "STOP"]
MANY_STOPS: Final = ["a", "b", "c", "d", "e", "f"]

# As providers of each dialect sign: of responses, the id of the item is a part of it.
SIGNED_BY: Final[dict[Provider, str]] = {
    "openai_chat": "c2VhbA==",
    "openai_responses": "rs_1:c2VhbA==",
    "anthropic_messages": "c2VhbA==",
    "gemini": "c2VhbA==",
}


def always(body: Body, look: Look = nothing, named: str = "") -> Example:
    """The same body whomever it goes to."""
    return Example(lambda to: body, look, named)


def travelling(to: Provider) -> str:
    """The signature of a provider of `to` as a caller of another dialect holds it (`llm.dialects.signatures`)."""
    return f"gw1.{to}.{SIGNED_BY[to]}"


def travelling_redacted(to: Provider) -> str:
    """As dialects hold it that have one place for signatures and for thoughts that cannot be read."""
    return f"gw1.{to}.redacted:{SIGNED_BY[to]}"


def parts(kind: type[Part]) -> Look:
    return lambda said: all_of(said, kind)


def all_of(said: Conversation, kind: type[Part]) -> list[Any]:
    return [part for turn in said.turns for part in turn.parts if isinstance(part, kind)]


def roles(said: Conversation) -> object:
    return [turn.role for turn in said.turns]


def details(said: Conversation) -> object:
    return [image.detail for image in all_of(said, Image)]


def documents(said: Conversation) -> object:
    """Without their names, which are a feature of their own."""
    return [(one.media_type, one.data) for one in all_of(said, Document)]


def addresses(said: Conversation) -> object:
    return [one.url for one in all_of(said, Document)]


def titles(said: Conversation) -> object:
    return [one.title for one in all_of(said, Document)]


def cited(said: Conversation) -> object:
    return [one.cited for one in all_of(said, Document)]


def marks(said: Conversation) -> object:
    return [part.cache for part in all_of(said, Text)]


def tools(said: Conversation) -> object:
    return [(tool.name, tool.description, tool.schema and msgspec.json.decode(tool.schema)) for tool in said.tools]


def stricts(said: Conversation) -> object:
    return [bool(tool.strict) for tool in said.tools]


def choice(said: Conversation) -> object:
    return said.tool_choice


def choice_of_several(said: Conversation) -> object:
    return [tool.name for tool in said.tools], said.tool_choice


def calls(said: Conversation) -> object:
    """Without the ids, byte for byte."""
    return [(one.name, one.arguments) for one in all_of(said, ToolCall)]


def results(said: Conversation) -> object:
    return [[inner.text for inner in one.parts if isinstance(inner, Text)] for one in all_of(said, ToolResult)]


def failures(said: Conversation) -> object:
    return [one.is_error for one in all_of(said, ToolResult)]


def images_of_results(said: Conversation) -> object:
    return [[inner for inner in one.parts if isinstance(inner, Image)] for one in all_of(said, ToolResult)]


def documents_of_results(said: Conversation) -> object:
    found = [inner for one in all_of(said, ToolResult) for inner in one.parts]
    return [inner.data for inner in found if isinstance(inner, Document)]


def thoughts(said: Conversation) -> object:
    """Text, signature and who signed; a signature alone and thoughts that cannot be read are one for some dialects."""
    found = []
    for turn in said.turns:
        for part in turn.parts:
            if isinstance(part, Thinking):
                found.append((part.text, part.signature, part.origin))
            elif isinstance(part, RedactedThinking):
                found.append(("", part.data, part.origin))
    return found


def sources(said: Conversation) -> object:
    return [[(one.url, one.title) for one in text.citations] for text in all_of(said, Text)]


def schema(said: Conversation) -> object:
    wanted = said.response_format
    return wanted and wanted.schema and msgspec.json.decode(wanted.schema)


def budget(said: Conversation) -> object:
    return said.reasoning and said.reasoning.budget


def effort(said: Conversation) -> object:
    return said.reasoning and said.reasoning.effort


def off(said: Conversation) -> object:
    return said.reasoning and said.reasoning.off


def shown(said: Conversation) -> object:
    return said.reasoning and said.reasoning.summary


def metadata(said: Conversation) -> object:
    return said.metadata and msgspec.json.decode(said.metadata)


def sampling(name: str) -> Look:
    return lambda said: getattr(said.sampling, name)


TEXTS: Final = parts(Text)
IMAGES: Final = parts(Image)
SOUNDS: Final = parts(Audio)
REFUSALS: Final = parts(Refusal)


def texts_with(words: str) -> Look:
    return lambda said: [text for text in all_of(said, Text) if words in text.text]


def thinks(said: Conversation) -> object:
    return said.reasoning and (said.reasoning.effort or said.reasoning.budget)


# Where what is told instead stands, of the features that are approximated elsewhere than in their own place.
INSTEAD: Final[dict[str, Look]] = {
    "text_document": texts_with("Once upon a time."),
    "tool_result_image": IMAGES,
    "tool_result_document": documents,
    "refusal": texts_with("No."),
    "json_schema_strict": schema,
    "reasoning_effort": thinks,
    "reasoning_effort_minimal": thinks,
    "thinking_budget": thinks,
    "thinking_budget_below_1024": thinks,
    "thinking_budget_above_bound": thinks,
    "thinking_budget_with_forced_call": thinks,
    "thoughts_shown": lambda said: True,  # nothing has to be told: thoughts come without being asked for
}
