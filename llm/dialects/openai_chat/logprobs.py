"""Log probabilities of tokens. A choice has `logprobs: {content: [...], refusal: [...]}`, and the hub one list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_chat.wire import NOTHING, absent


class LogprobsWire(msgspec.Struct, gc=False):
    content: msgspec.Raw = NOTHING
    refusal: msgspec.Raw = NOTHING


_LOGPROBS: Final = msgspec.json.Decoder(LogprobsWire)


def entries_of(raw: msgspec.Raw) -> list[bytes]:
    """The entries of a choice's lists as JSON, joined by commas; [] where there are none, or none that can be read."""
    if absent(raw):
        return []
    try:
        wire = _LOGPROBS.decode(raw)
        bytes(raw).decode()
    except BAD_JSON:
        return []
    lists = [one_line(bytes(found)) for found in (wire.content, wire.refusal)]
    entries = [found[1:-1].strip() for found in lists if found.startswith(b"[")]
    return [inside for inside in entries if inside]


def as_list(entries: Iterable[bytes]) -> msgspec.Raw | None:
    joined = b",".join(entries)
    return msgspec.Raw(b"[" + joined + b"]") if joined else None


def one_line(data: bytes) -> bytes:
    """Lines of JSON as one: inside of its texts there are no line ends."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def write_logprobs(entries: msgspec.Raw | None, *, of_refusal: bool) -> bytes:
    """The JSON of a choice's `logprobs`, on one line."""
    if entries is None:
        return b"null"
    given = one_line(bytes(entries))
    if of_refusal:
        return b'{"content":null,"refusal":' + given + b"}"
    return b'{"content":' + given + b',"refusal":null}'
