"""Thinking in chat completions: its text flat in `reasoning_content`, and `reasoning_details` for what is signed.

Both are outside of OpenAI's specification; the details are OpenRouter's
(https://openrouter.ai/docs/use-cases/reasoning-tokens, November 2026): `reasoning.text` {text, signature, format},
`reasoning.summary` {summary}, `reasoning.encrypted` {data, format, id}, each with an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.grammar import Body
from llm.dialects.neutral import Part, RedactedThinking, Thinking
from llm.dialects.openai_chat.wire import absent
from llm.dialects.signatures import inward, is_marked, outward
from llm.spec import Dialect

HOME: Final[Dialect] = "openai_chat"
Thought: TypeAlias = Thinking | RedactedThinking


class DetailWire(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    format: str | None = None
    id: str | None = None
    index: int | None = None


DETAILS: Final = msgspec.json.Decoder(list[DetailWire])
_UNKNOWN: Final = "unknown"


def read_details(raw: msgspec.Raw) -> list[DetailWire]:
    """Of a provider: [] where there are none, or none that can be read."""
    if absent(raw):
        return []
    try:
        return DETAILS.decode(raw)
    except BAD_JSON:
        return []


def thought(detail: DetailWire, *, of_caller: bool = False) -> Thought | None:
    """None for a type that the hub has no word for, and for what says nothing. All that a provider gives is its own,
    and only a caller can bring back what another signed."""
    if detail.type == "reasoning.encrypted":
        return RedactedThinking(*_signed(detail.data, detail, of_caller)) if detail.data else None
    if detail.type not in ("reasoning.text", "reasoning.summary"):
        return None
    text = detail.text or detail.summary or ""
    if detail.signature:
        return Thinking(text, *_signed(detail.signature, detail, of_caller))
    return Thinking(text) if text else None


def _signed(signature: str, detail: DetailWire, of_caller: bool) -> tuple[str, Dialect]:
    plain, origin = inward(signature, HOME) if of_caller else (signature, HOME)
    return (_sealed(plain, detail), HOME) if origin == HOME else (plain, origin)


def thoughts(flat: str, details: list[DetailWire], *, of_caller: bool = False) -> list[Thought]:
    """Of a whole message. The details say once more what the flat text says, its end at least."""
    detailed = [part for detail in details if (part := thought(detail, of_caller=of_caller)) is not None]
    again = "".join(part.text for part in detailed if isinstance(part, Thinking))
    rest = flat.removesuffix(again) if flat.endswith(again) else ""
    return [Thinking(rest), *detailed] if rest else detailed


def flat_text(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Thinking))


def write_details(parts: Iterable[Part]) -> list[Body]:
    """[] where the flat text says all: one thought, and nothing signed."""
    said = [part for part in parts if isinstance(part, Thinking | RedactedThinking)]
    said = [part for part in said if is_signed(part) or flat_text([part])]
    if len(said) < 2 and not any(is_signed(part) for part in said):
        return []
    return [write_detail(part, index) for index, part in enumerate(said)]


def is_signed(part: Part) -> bool:
    return isinstance(part, RedactedThinking) or (isinstance(part, Thinking) and bool(part.signature))


def write_detail(part: Thought, index: int) -> Body:
    if isinstance(part, RedactedThinking):
        data, kept = _carried(part.data, part.origin)
        return {"type": "reasoning.encrypted", "data": data, **kept, "index": index}
    signature, kept = _carried(part.signature or "", part.origin)
    return {
        "type": "reasoning.text",
        "text": part.text,
        "signature": signature or None,
        **kept,
        "index": index,
    }


def _carried(signature: str, origin: Dialect | None) -> tuple[str, Body]:
    """The signature as it stands on the wire, with its format and, where it had one, its id."""
    plain, kept = _opened(signature) if origin in (None, HOME) else (outward(signature, origin, HOME), {})
    return plain, {"format": _UNKNOWN, **kept}


def _sealed(signature: str, detail: DetailWire) -> str:
    """A provider wants format and id back with its signature: on the way through other dialects they are a part of
    it, `format~id~signature`."""
    named = "" if detail.format in (None, _UNKNOWN) else detail.format
    own_id = detail.id or ""
    if not (named or own_id) or "~" in f"{named}{own_id}":
        return signature
    return f"{named}~{own_id}~{signature}"


def _opened(sealed: str) -> tuple[str, Body]:
    """What another gateway marked is a whole: a format and an id inside of it are that gateway's."""
    if is_marked(sealed):
        return sealed, {}
    pieces: Sequence[str] = sealed.split("~", 2)
    if len(pieces) < 3 or not pieces[2] or not (pieces[0] or pieces[1]) or pieces[0] == _UNKNOWN:
        return sealed, {}
    named = {"format": pieces[0], "id": pieces[1]}
    return pieces[2], {name: value for name, value in named.items() if value}
