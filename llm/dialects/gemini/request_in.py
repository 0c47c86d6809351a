"""A generateContent request, read into the hub's words. The model and whether to stream stand in the URL."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import FLAG, NUMBER, RAW, TEXT, TEXTS, Fields
from llm.dialects.gemini.contents_in import read_contents, read_system
from llm.dialects.gemini.names import camels, one, whole
from llm.dialects.gemini.schema import take_schema
from llm.dialects.gemini.tools_in import read_tools
from llm.dialects.neutral import Conversation, Effort, Logprobs, Reasoning, ResponseFormat, Sampling
from llm.spec import Request

_LEVELS: Final[dict[str, Effort]] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_TIERS: Final = {"standard": "default", "flex": "flex", "priority": "priority"}
# Parts of the conversation that only Google holds.
_KEPT_BY_GOOGLE: Final = ("cachedContent", "continuationToken")


def read_request(request: Request) -> Conversation:
    body = Fields(camels(request.fields), "", {})
    for name in ("model", "stream"):
        body.take(name, RAW)
    for name in _KEPT_BY_GOOGLE:
        if body.take(name, RAW) is not None:
            raise body.wrong(name, "is known to Google only; this model is another provider's")
    turns = (*read_system(body), *read_contents(body))
    tools, choice = read_tools(body)
    config = one(body, "generationConfig") or Fields({}, "generationConfig", body.lost)
    conversation = Conversation(
        turns=turns,
        tools=tools,
        tool_choice=choice,
        sampling=_sampling(config),
        reasoning=_reasoning(config),
        response_format=_response_format(config),
        logprobs=_logprobs(config),
        service_tier=_service_tier(body),
        stream=request.stream,
    )
    _only_text(config)
    config.close()
    if body.take("store", FLAG):
        body.lose("store")
    body.close()
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _sampling(config: Fields) -> Sampling:
    stop = config.take("stopSequences", TEXTS)
    return Sampling(
        max_tokens=whole(config, "maxOutputTokens"),
        temperature=config.take("temperature", NUMBER),
        top_p=config.take("topP", NUMBER),
        top_k=whole(config, "topK"),
        stop=tuple(stop or ()),
        seed=whole(config, "seed"),
        presence_penalty=config.take("presencePenalty", NUMBER),
        frequency_penalty=config.take("frequencyPenalty", NUMBER),
        n=whole(config, "candidateCount"),
    )


def _reasoning(config: Fields) -> Reasoning | None:
    """A budget of -1 leaves the amount to the model."""
    thinking = one(config, "thinkingConfig")
    if thinking is None:
        return None
    budget, summary = whole(thinking, "thinkingBudget"), thinking.take("includeThoughts", FLAG)
    level = (thinking.take("thinkingLevel", TEXT) or "THINKING_LEVEL_UNSPECIFIED").upper()
    thinking.close()
    if level != "THINKING_LEVEL_UNSPECIFIED" and level not in _LEVELS:
        raise thinking.wrong("thinkingLevel", "is none of MINIMAL, LOW, MEDIUM, HIGH, XHIGH")
    if budget is not None and budget > 0:
        return Reasoning(budget=budget, summary=summary)
    if budget == 0:
        return Reasoning(off=True, summary=summary)
    return Reasoning(effort=_LEVELS.get(level), summary=summary)


def _response_format(config: Fields) -> ResponseFormat | None:
    schema = take_schema(config, plain=("responseJsonSchema", "_responseJsonSchema"), own="responseSchema")
    media_type = config.take("responseMimeType", TEXT)
    if media_type == "application/json" or (media_type is None and schema is not None):
        return ResponseFormat(schema=schema)
    if media_type in (None, "", "text/plain"):
        return None
    raise config.wrong("responseMimeType", "may only be text/plain or application/json with this model's provider")


def _logprobs(config: Fields) -> Logprobs | None:
    top, wanted = whole(config, "logprobs"), config.take("responseLogprobs", FLAG)
    return Logprobs(top=max(top or 0, 0)) if wanted else None


def _service_tier(body: Fields) -> str | None:
    tier = (body.take("serviceTier", TEXT) or "unspecified").lower()
    if tier == "unspecified":
        return None
    if tier not in _TIERS:
        raise body.wrong("serviceTier", "is none of standard, flex, priority")
    return _TIERS[tier]


def _only_text(config: Fields) -> None:
    wanted = {word.upper() for word in config.take("responseModalities", TEXTS) or ()}
    if wanted - {"TEXT", "MODALITY_UNSPECIFIED"}:
        raise config.wrong("responseModalities", "may only be TEXT with this model's provider")
