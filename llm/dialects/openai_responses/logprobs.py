"""Log probabilities of tokens. The hub's list is worded as OpenAI's chat API words it, and so are those of a finished
text here; in the deltas the bytes of a token may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_responses.wire import absent


class TokenWire(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None

    def spell(self) -> None:
        if self.bytes is None:
            self.bytes = list(self.token.encode())


class EntryWire(TokenWire):
    top_logprobs: list[TokenWire] | None = None


_ENTRIES: Final = msgspec.json.Decoder(list[EntryWire])


def read_entries(raw: msgspec.Raw | None) -> list[EntryWire]:
    """With all their fields. [] where there are none, or none that can be read."""
    if raw is None or absent(raw):
        return []
    try:
        entries = _ENTRIES.decode(raw)
    except BAD_JSON:
        return []
    for entry in entries:
        entry.spell()
        entry.top_logprobs = entry.top_logprobs or []
        for rival in entry.top_logprobs:
            rival.spell()
    return entries


def written(entries: list[EntryWire]) -> msgspec.Raw | None:
    return msgspec.Raw(msgspec.json.encode(entries)) if entries else None


def shared_out(entries: list[EntryWire], texts: Iterable[str]) -> Iterator[list[EntryWire]]:
    """The entries of each of the texts, which are the answer's in order; the last one has what is left."""
    lengths = [len(text) for text in texts]
    start = 0
    for place, length in enumerate(lengths):
        end, said = start, 0
        while end < len(entries) and (said < length or place == len(lengths) - 1):
            said += len(entries[end].token)
            end += 1
        yield entries[start:end]
        start = end
