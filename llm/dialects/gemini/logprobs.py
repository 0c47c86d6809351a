"""Log probabilities of tokens: Gemini's `logprobsResult` and the hub's list, which is worded as OpenAI's.

Gemini keeps two lists of one length: the chosen tokens, and for each step the likeliest (`logprobs` of them).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.gemini.wire import absent
from llm.dialects.grammar import Body


class TokenWire(msgspec.Struct, rename="camel", gc=False):
    token: str = ""
    log_probability: float = 0.0


class TopWire(msgspec.Struct):
    candidates: list[TokenWire] | None = None


class ResultWire(msgspec.Struct, rename="camel"):
    chosen_candidates: list[TokenWire] | None = None
    top_candidates: list[TopWire] | None = None


class RivalWire(msgspec.Struct, gc=False):
    token: str = ""
    logprob: float = 0.0


class EntryWire(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0
    top_logprobs: list[RivalWire] | None = None


_RESULT: Final = msgspec.json.Decoder(ResultWire)
_ENTRIES: Final = msgspec.json.Decoder(list[EntryWire])


def read_logprobs(raw: msgspec.Raw) -> list[Body]:
    """[] where there are none, or none that can be read."""
    if absent(raw):
        return []
    try:
        result = _RESULT.decode(raw)
    except BAD_JSON:
        return []
    pairs = zip_longest(result.chosen_candidates or (), result.top_candidates or ())
    return [
        {**_entry(chosen), "top_logprobs": [_entry(rival) for rival in (top and top.candidates) or ()]}
        for chosen, top in pairs
        if chosen is not None
    ]


def _entry(token: TokenWire) -> Body:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}


def write_logprobs(raw: msgspec.Raw) -> Body:
    try:
        entries = _ENTRIES.decode(raw)
    except BAD_JSON:
        return {}
    return {
        "chosenCandidates": [{"token": entry.token, "logProbability": entry.logprob} for entry in entries],
        "topCandidates": [
            {
                "candidates": [
                    {"token": rival.token, "logProbability": rival.logprob} for rival in entry.top_logprobs or ()
                ]
            }
            for entry in entries
        ],
    }
