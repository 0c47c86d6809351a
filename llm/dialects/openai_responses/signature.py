"""Reasoning that only its provider can read, on the wire of responses: `encrypted_content` of a reasoning item.

OpenAI binds it to the item's id ("Encrypted content item_id did not match the target item id"), so the hub's
signature of a reasoning item is both, `<id>:<encrypted_content>`. What goes to a caller of a translated answer stands
in an item of ours, and carries its origin in front as `llm.dialects.signatures` writes it, OpenAI's own included.
"""

from __future__ import annotations

from typing import Final

from llm.dialects.neutral import RedactedThinking, Thinking
from llm.dialects.signatures import inward, outward
from llm.spec import Dialect

HOME: Final[Dialect] = "openai_responses"
_ELSEWHERE: Final[Dialect] = "openai_completions"  # signs nothing: from there, every origin is a foreign one
_REDACTED: Final = "redacted:"  # a colon in front of it is in no signature of another provider: they are base64


def thought_of(
    text: str, item_id: str | None, encrypted: str | None, *, of_caller: bool = False
) -> Thinking | RedactedThinking | None:
    """What a reasoning item means; None where it tells nothing. Only a caller brings back what another signed."""
    if not encrypted:
        return Thinking(text) if text else None
    signature, origin = inward(encrypted, HOME) if of_caller else (encrypted, HOME)
    if signature == encrypted:
        sealed = f"{item_id or ''}:{encrypted}"
        return Thinking(text, sealed, HOME) if text else RedactedThinking(sealed, HOME)
    if not text and signature.startswith(_REDACTED):
        return RedactedThinking(signature.removeprefix(_REDACTED), origin)
    return Thinking(text, signature, origin)


def to_caller(signature: str, origin: Dialect | None, *, redacted: bool) -> str:
    return outward(_REDACTED + signature if redacted else signature, origin or HOME, _ELSEWHERE)


def to_provider(signature: str) -> tuple[str | None, str]:
    """Id and encrypted content of OpenAI's own item."""
    item_id, colon, encrypted = signature.partition(":")
    return (item_id or None, encrypted) if colon else (None, signature)
