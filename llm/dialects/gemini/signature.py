"""Signatures of thinking on Gemini's wire.

There they are bytes, written in base64: clients decode them (and send them back in either base64 alphabet). So what
another provider signed is base64 once more, over the form in which `llm.dialects.signatures` lets it travel.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from llm.dialects.neutral import RedactedThinking, Thinking
from llm.dialects.signatures import inward, outward
from llm.spec import Dialect

HOME: Final[Dialect] = "gemini"
_REDACTED: Final = "redacted:"  # a colon is in no signature of any provider: they are base64
_OURS: Final = (b"gw1.", _REDACTED.encode())


def written(signature: str, origin: Dialect | None) -> str:
    marked = outward(signature, origin, HOME)
    return signature if marked == signature else _base64(marked)


def written_redacted(part: RedactedThinking) -> str:
    return _base64(outward(_REDACTED + part.data, part.origin, HOME))


def thought(text: str, signature: str, *, of_caller: bool = False) -> Thinking | RedactedThinking:
    """What a signed part means. `text` is that of a thought, "" where another part is signed. Only a caller brings
    back what another signed."""
    if not of_caller:
        return Thinking(text, signature, HOME)
    plain, origin = inward(_opened(signature), HOME)
    if plain.startswith(_REDACTED):
        return RedactedThinking(plain.removeprefix(_REDACTED), origin)
    return Thinking(text, plain, origin)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _opened(text: str) -> str:
    """The form that travels, of a signature that is not Gemini's own; Gemini's stays as it is."""
    plain = text.translate({0x2D: "+", 0x5F: "/"})
    try:
        inner = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        return inner.decode() if inner.startswith(_OURS) else text
    except (binascii.Error, ValueError):
        return text
