"""What a test of a provider asks, of which model, and what is shown of the answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from llm.prices import price_at
from llm.snapshot import Model
from llm.spec import Request

LONGEST_RESPONSE: Final = 200
_SHORTEST_SECRET: Final = 6
_WORDS: Final = "Answer with the word OK."
# Room for a model that thinks first; whoever does not stops long before.
_MOST_TOKENS: Final = 64

_CHAT: Final[Mapping[str, Any]] = {
    "messages": [{"role": "user", "content": _WORDS}],
    "max_completion_tokens": _MOST_TOKENS,
}
# By type of model: the path below /v1, and the body. What is not here costs more than a test may.
_ASKED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "chat": ("", _CHAT),
    "completion": ("completions", {"prompt": _WORDS, "max_tokens": 8}),
    "embedding": ("embeddings", {"input": _WORDS}),
    "moderation": ("moderations", {"input": _WORDS}),
    "rerank": ("rerank", {"query": _WORDS, "documents": ["OK", "No"]}),
}
_RANK: Final = {name: place for place, name in enumerate(_ASKED)}
UNKNOWN_PRICE: Final = 10**18


def cheapest(
    models: Iterable[Model], *, enabled: Collection[str], now: datetime, listed: Callable[[str], int | None]
) -> Model | None:
    """The model to test with: enabled before disabled, chat before others, then by price (the operator's, else that of
    `listed`, in nano-USD per million tokens), then by name. None where there is none."""

    def rank(model: Model) -> tuple[bool, int, int, str]:
        price = _price(model, now) or listed(model.model_id)
        cost = UNKNOWN_PRICE if price is None else price
        return model.model_id not in enabled, _RANK[model.model_type], cost, model.model_id

    return min((one for one in models if one.model_id != "*" and one.model_type in _ASKED), key=rank, default=None)


def request(name: str, model_type: str) -> tuple[str, Request] | None:
    """The endpoint and the request for the model `name` ("provider/model"); None for a type that is not tested."""
    if model_type not in _ASKED:
        return None
    surface, body = _ASKED[model_type]
    fields = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in {"model": name, **body}.items()}
    made = Request(dialect="openai_chat", model=name, fields=fields, surface=surface)
    return surface or "chat/completions", made


def shown(body: bytes, secrets: Iterable[str]) -> str:
    """At most 200 characters of what the model said; of a list of numbers, how many. Never one of `secrets`."""
    try:
        text = _text(msgspec.json.decode(body))
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
        return ""
    return without(text, secrets)[:LONGEST_RESPONSE]


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each of the secrets blackened, for a provider may say what it was sent; and without what no
    database holds."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[redacted]")
    return storable(text)


def storable(text: str) -> str:
    """Without NUL and halves of characters: PostgreSQL keeps neither."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _text(answer: Any) -> str:
    if "choices" in answer:
        first = answer["choices"][0]
        return str((first.get("message") or first).get("content") or first.get("text") or "")
    if "data" in answer and isinstance(answer["data"][0].get("embedding"), list):
        return f"an embedding of {len(answer['data'][0]['embedding'])} numbers"
    return f"{len(answer['results'])} results" if "results" in answer else ""


def _price(model: Model, now: datetime) -> int | None:
    price = price_at(model.prices, now.timestamp())
    return price.rates.input + price.rates.output if price is not None else None
