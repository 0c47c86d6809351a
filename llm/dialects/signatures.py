"""Signatures of one provider inside another dialect, on their way to the caller and back.

A provider takes its own signed thinking back only as it gave it, and refuses what another signed. The caller keeps it
in the dialect in which it calls. So there is one rule, for every dialect, and for a provider that is itself a gateway
like this one:

1. What a provider gives is its own, whatever it looks like: nothing is read out of it.
2. It goes to a caller of another dialect with its origin in front, `gw1.<origin>.<signature>`. A caller of the same
   dialect gets it as it stands, but what looks like such a mark itself (the provider is a gateway, and passes another's
   on) is marked once more, with its own dialect (`marked_again`).
3. What a caller brings back loses one mark. It goes to a provider of its origin's dialect, and to no other: there it
   is left out (`brought_back` where caller and provider speak the same dialect, the request's writer elsewhere).

So each gateway of a chain takes off what it put on. No gateway opens a door in Gemini's dialect, so none is the
provider of a relayed Gemini answer, and these pass as they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, get_args

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.spec import Dialect

_MARK: Final = "gw1."
_DIALECTS: Final[frozenset[str]] = frozenset(get_args(Dialect))


def outward(signature: str, origin: Dialect | None, home: Dialect) -> str:
    """As a caller of the dialect `home` gets it."""
    own = origin in (None, home)
    return signature if own and not signature.startswith(_MARK) else f"{_MARK}{origin or home}.{signature}"


def is_marked(signature: str) -> bool:
    return signature.startswith(_MARK)


def inward(text: str, home: Dialect) -> tuple[str, Dialect]:
    """The signature and whose it is, of what a caller of the dialect `home` sends."""
    if text.startswith(_MARK):
        origin, dot, signature = text[len(_MARK) :].partition(".")
        if dot and origin in _DIALECTS:
            return signature, origin  # type: ignore[return-value]  # reason: it is one of the literals, as was looked
    return text, home


# Where marks stand in what a gateway writes. In a message the input of a tool is an object with any fields, so there
# the whole block is looked at; elsewhere it is a text, whose quotes are escaped.
_MARKED: Final[Mapping[Dialect, re.Pattern[bytes]]] = {
    "openai_chat": re.compile(rb'"(?:signature|data)":\s*+"(?=gw1\.)'),
    "openai_responses": re.compile(rb'"encrypted_content":\s*+"(?=gw1\.)'),
    "anthropic_messages": re.compile(
        rb'"type":\s*+"(?:redacted_thinking",\s*+"data|signature_delta",\s*+"signature'
        rb'|thinking",\s*+"thinking":\s*+"(?:[^"\\]|\\.)*+",\s*+"signature)":\s*+"(?=gw1\.)'
    ),
}
MARKED: Final = b'"gw1.'
"""Stands in every answer that `marked_again` would change. Look for it by `find`: `in` first takes it for a number,
makes an error, and costs ten times as much."""


def marked_again(answer: bytes, home: Dialect) -> bytes:
    """A relayed answer, or an event of one, for a caller of the provider's own dialect."""
    if answer.find(MARKED) < 0 or home not in _MARKED:
        return answer
    return _MARKED[home].sub(rb"\g<0>gw1." + home.encode() + b".", answer)


class _Signed(msgspec.Struct, gc=False):
    """A block, a detail or an item of a caller; the fields are those of all dialects."""

    type: str = ""
    signature: str | None = None
    data: str | None = None
    encrypted_content: str | None = None


_THOUGHTS: Final = frozenset(
    {"thinking", "redacted_thinking", "reasoning", "reasoning.text", "reasoning.summary", "reasoning.encrypted"}
)
# At the beginning of a text: a quote inside of one has a backslash before it.
_OWN: Final = {home: re.compile(rb'(?<!\\)"gw1\.' + home.encode() + rb"\.") for home in _MARKED}
_signed: Final = msgspec.json.Decoder(_Signed).decode
_MARK_BYTES: Final = _MARK.encode()


def holds_marks(raw: msgspec.Raw) -> bool:
    """May there be anything for `brought_back`? Cheap: a copy and a search for bytes, no pattern."""
    return bytes(raw).find(_MARK_BYTES) >= 0


def brought_back(raws: Sequence[msgspec.Raw], home: Dialect) -> list[msgspec.Raw]:
    """What a caller says, for a provider of the caller's own dialect: without the thoughts that another dialect's
    provider signed. All else stays byte for byte."""
    kept = [_brought_back(raw, home) for raw in raws]
    return [raw for raw in kept if raw is not None]


def _brought_back(raw: msgspec.Raw, home: Dialect) -> msgspec.Raw | None:
    try:
        block = _signed(raw)
    except BAD_JSON:
        return raw
    text = block.signature or block.data or block.encrypted_content or ""
    if block.type not in _THOUGHTS or not text.startswith(_MARK):
        return raw
    if inward(text, home)[1] != home:
        return None
    return msgspec.Raw(_OWN[home].sub(b'"', bytes(raw)))
