"""A provider's own list of models: through its SDK where it has one, else by plain GET requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from llm.adapters.kinds import BY_NAME
from llm.snapshot import Upstream
from providers.discovery_wire import Line, NotListed, refusal

MOST: Final = 5_000
_MALFORMED: Final = (ValueError, TypeError, AttributeError, KeyError, IndexError)
_UNREADABLE: Final = "The provider's list could not be read."
# Where no list says it: words in a model's id that tell its type.
_TYPES: Final = (
    ("embedding", ("embed", "bge-", "e5-")),
    ("rerank", ("rerank",)),
    ("moderation", ("moderation", "guard")),
    ("audio", ("whisper", "tts", "transcribe", "audio", "speech")),
    ("image", ("dall-e", "image", "imagen", "flux", "stable-diffusion")),
    ("completion", ("gpt-3.5-turbo-instruct", "davinci-002", "babbage-002")),
)
_WINDOWS: Final = ("context_window", "context_length", "max_model_len", "max_context_length", "max_input_tokens")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the provider says of one model; None and "" for what it does not say."""

    model_id: str
    display_name: str = ""
    model_type: str = "chat"
    context_window: int | None = None
    max_tokens: int | None = None


def listed(upstream: Upstream) -> list[Listed]:
    """By id, each once. Raises NotListed."""
    key = max(upstream.keys, key=lambda one: one.weight, default=None)
    if key is None and upstream.needs_key:
        raise NotListed("No usable key is stored for the provider.")
    source = _BY_KIND.get(upstream.kind) or _BY_DIALECT[BY_NAME[upstream.kind].dialect]
    try:
        found = {one.model_id: one for one in islice(source(Line(upstream, key)), MOST)}
    except _MALFORMED as error:
        raise NotListed(_UNREADABLE) from error
    return [found[model_id] for model_id in sorted(found)]


def _openai(line: Line) -> Iterator[Listed]:
    import openai  # here: it takes seconds, and only this needs it

    def models(client: Any) -> Iterable[Any]:
        return openai.OpenAI(
            api_key="none", base_url=line.upstream.base_url, http_client=client, max_retries=0
        ).models.list()

    for model in _through(line, models, openai.OpenAIError):
        model_id = _text(model.id)
        yield Listed(model_id, model_type=_type_of(model_id))


def _anthropic(line: Line) -> Iterator[Listed]:
    import anthropic  # as above

    def models(client: Any) -> Iterable[Any]:
        base = line.upstream.base_url
        return anthropic.Anthropic(api_key="none", base_url=base, http_client=client, max_retries=0).models.list(
            limit=1000
        )

    for model in _through(line, models, anthropic.AnthropicError):
        yield Listed(
            _text(model.id),
            display_name=str(model.display_name or ""),
            context_window=_whole(getattr(model, "max_input_tokens", None)),
            max_tokens=_whole(getattr(model, "max_tokens", None)),
        )


def _through(line: Line, models: Callable[[Any], Iterable[Any]], of_the_sdk: type[Exception]) -> Iterator[Any]:
    """All pages; the SDK's errors become NotListed."""
    from providers.discovery_bridge import Bridge  # with the SDKs, and as seldom

    bridge = Bridge(line)
    with bridge.client() as client:
        try:
            yield from models(client)
        except of_the_sdk as error:
            raise bridge.failure or NotListed(_UNREADABLE) from error


def _compatible(line: Line) -> Iterator[Listed]:
    """Servers that speak OpenAI's dialect differ in their lists: `{"data": [...]}`, a bare list, more fields."""
    answer = _json(line, f"{line.upstream.base_url}/models")
    for item in answer["data"] if isinstance(answer, dict) else answer:
        model_id = _text(item["id"])
        window = next((_whole(item[name]) for name in _WINDOWS if name in item), None)
        yield Listed(
            model_id,
            display_name=str(item.get("display_name") or item.get("name") or ""),
            model_type=_type_of(model_id),
            context_window=window,
            max_tokens=_whole(item.get("max_output_tokens")),
        )


def _gemini(line: Line) -> Iterator[Listed]:
    """https://ai.google.dev/api/models#method:-models.list (read in November 2026)"""
    base = line.upstream.base_url
    base = base if base.endswith(("/v1beta", "/v1", "/v1alpha")) else f"{base}/v1beta"
    token = ""
    while True:
        page = _json(line, f"{base}/models?pageSize=1000" + (f"&pageToken={quote(token, safe='')}" if token else ""))
        for item in page.get("models", ()):
            methods = item.get("supportedGenerationMethods", ())
            yield Listed(
                _text(item["name"]).removeprefix("models/"),
                display_name=str(item.get("displayName") or ""),
                model_type="embedding" if "embedContent" in methods else _type_of(str(item["name"])),
                context_window=_whole(item.get("inputTokenLimit")),
                max_tokens=_whole(item.get("outputTokenLimit")),
            )
        token = str(page.get("nextPageToken") or "")
        if not token:
            return


def _azure(line: Line) -> Iterator[Listed]:
    raise NotListed("Azure does not tell its deployments by an API key: add them by their names.")


def _echo(line: Line) -> Iterator[Listed]:
    yield Listed("echo", display_name="Echo")


def _json(line: Line, url: str) -> Any:
    status, body = line.get(url)
    refused = refusal(status)
    if refused is not None:
        raise refused
    return json.loads(body)


def _type_of(model_id: str) -> str:
    name = model_id.lower()
    return next((kind for kind, words in _TYPES if any(word in name for word in words)), "chat")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


_BY_KIND: Final[Mapping[str, Callable[[Line], Iterator[Listed]]]] = {
    "openai": _openai,
    "openai_compatible": _compatible,
    "azure_openai": _azure,
    "echo": _echo,
}
_BY_DIALECT: Final[Mapping[str, Callable[[Line], Iterator[Listed]]]] = {
    "openai_chat": _compatible,
    "anthropic_messages": _anthropic,
    "gemini": _gemini,
}
