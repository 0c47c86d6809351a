"""A chat completions request, read into the hub's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from llm.dialects.fields import FLAG, INTEGER, NUMBER, OBJECT, OBJECTS, RAW, TEXT, TEXT_OR_TEXTS, TEXTS, Fields
from llm.dialects.neutral import Conversation, Logprobs, Reasoning, ResponseFormat, Sampling
from llm.dialects.openai_chat.messages_in import read_turn
from llm.dialects.openai_chat.tools_in import read_tools
from llm.dialects.reasoning import EFFORT_OF_WORD
from llm.errors import InvalidRequest
from llm.spec import Request

# "fast" is a newer name of priority; `scale` is for who has bought it.
_TIERS: Final = {
    "auto": "auto",
    "default": "default",
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
    "scale": "scale",
}
_VERBOSITIES: Final = {"low": "low", "medium": "medium", "high": "high"}
_ANY_SCHEMA: Final = msgspec.Raw(b"{}")


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream", "stream_options"):
        body.take(name, RAW)
    _refuse_what_changes_the_meaning(body)
    turns = tuple(read_turn(message) for message in body.each("messages", body.need("messages", OBJECTS)))
    choice, tools = read_tools(body)
    conversation = Conversation(
        turns=turns,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.take("parallel_tool_calls", FLAG),
        sampling=read_sampling(body),
        reasoning=_reasoning(body),
        response_format=_response_format(body),
        logprobs=_logprobs(body),
        user=body.take("user", TEXT) or body.take("safety_identifier", TEXT) or None,
        metadata=_object(body, "metadata"),
        service_tier=_word(body, "service_tier", _TIERS),
        verbosity=_word(body, "verbosity", _VERBOSITIES),
        stream=request.stream,
    )
    if body.take("store", FLAG):
        body.lose("store")
    body.close()
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _refuse_what_changes_the_meaning(body: Fields) -> None:
    for name in ("functions", "function_call"):
        if body.take(name, RAW) is not None:
            raise body.wrong(name, "is not supported by this model's provider: use tools")
    if set(body.take("modalities", TEXTS) or ()) - {"text"}:
        raise body.wrong("modalities", "may only be text with this model's provider")


def _word(body: Fields, name: str, words: Mapping[str, str]) -> str | None:
    """One of the words; `words` gives what it means."""
    word = body.take(name, TEXT)
    if word is None:
        return None
    if word not in words:
        raise body.wrong(name, f"is none of {', '.join(words)}")
    return words[word]


def _object(body: Fields, name: str) -> msgspec.Raw | None:
    """An object to carry; an empty one says nothing."""
    raw = body.carry(name, OBJECT)
    return raw if raw is not None and OBJECT.decode(raw) else None


def read_sampling(body: Fields) -> Sampling:
    bound, old_bound = body.take("max_completion_tokens", INTEGER), body.take("max_tokens", INTEGER)
    stop = body.take("stop", TEXT_OR_TEXTS) or ()
    return Sampling(
        max_tokens=bound if bound is not None else old_bound,
        temperature=body.take("temperature", NUMBER),
        top_p=body.take("top_p", NUMBER),
        top_k=body.take("top_k", INTEGER),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.take("seed", INTEGER),
        presence_penalty=body.take("presence_penalty", NUMBER),
        frequency_penalty=body.take("frequency_penalty", NUMBER),
        n=body.take("n", INTEGER),
        logit_bias=_object(body, "logit_bias"),
    )


def _reasoning(body: Fields) -> Reasoning | None:
    word = body.take("reasoning_effort", TEXT)
    if word is None:
        return None
    if word == "none":
        return Reasoning(off=True)
    if word not in EFFORT_OF_WORD:
        raise body.wrong("reasoning_effort", f"is none of none, {', '.join(EFFORT_OF_WORD)}")
    return Reasoning(effort=EFFORT_OF_WORD[word])


def _response_format(body: Fields) -> ResponseFormat | None:
    wanted = body.take("response_format", OBJECT)
    if wanted is None:
        return None
    fields = body.inner("response_format", wanted)
    kind = fields.need("type", TEXT)
    if kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat()
    if kind != "json_schema":
        raise fields.wrong("type", "is none of text, json_object, json_schema")
    named = fields.inner("json_schema", fields.need("json_schema", OBJECT))
    read = ResponseFormat(
        schema=named.carry("schema", OBJECT) or _ANY_SCHEMA,
        name=named.take("name", TEXT),
        description=named.take("description", TEXT),
        strict=named.take("strict", FLAG),
    )
    named.close()
    fields.close()
    return read


def _logprobs(body: Fields) -> Logprobs | None:
    wanted, top = body.take("logprobs", FLAG), body.take("top_logprobs", INTEGER) or 0
    if top < 0:
        raise body.wrong("top_logprobs", "must not be negative")
    if not wanted and top:
        raise InvalidRequest("top_logprobs needs logprobs to be true.", param="top_logprobs")
    return Logprobs(top) if wanted else None
