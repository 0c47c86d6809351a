"""A responses request, read into the hub's words."""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import FLAG, INTEGER, NUMBER, OBJECT, RAW, TEXT, TEXTS, Fields
from llm.dialects.neutral import Conversation, Logprobs, Reasoning, ResponseFormat, Sampling, Text, Turn
from llm.dialects.openai_responses.items_in import read_input
from llm.dialects.openai_responses.tools_in import read_tools
from llm.dialects.reasoning import EFFORT_OF_WORD
from llm.spec import Request

# What only a provider keeps that has this API.
_STATE: Final = ("previous_response_id", "conversation", "prompt")
_LOGPROBS: Final = "message.output_text.logprobs"
# In every answer of the gateway anyway.
_ALWAYS_INCLUDED: Final = "reasoning.encrypted_content"
_TIERS: Final = {
    **{word: word for word in ("auto", "default", "flex", "priority", "scale")},
    "fast": "priority",
}
_VERBOSITIES: Final = frozenset({"low", "medium", "high"})
_METADATA: Final = msgspec.json.Decoder(dict[str, str])


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream", "stream_options"):
        body.take(name, RAW)
    _refuse_state(body)
    instructions = body.take("instructions", TEXT)
    turns = [Turn("system", (Text(instructions),))] if instructions else []
    turns += read_input(body)
    tools, choice = read_tools(body)
    response_format, verbosity = _text(body)
    logprobs = _logprobs(body)
    conversation = Conversation(
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.take("parallel_tool_calls", FLAG),
        sampling=Sampling(
            max_tokens=body.take("max_output_tokens", INTEGER),
            temperature=body.take("temperature", NUMBER),
            top_p=body.take("top_p", NUMBER),
        ),
        reasoning=_reasoning(body),
        response_format=response_format,
        logprobs=logprobs,
        user=_user(body),
        metadata=_metadata(body),
        service_tier=_service_tier(body),
        verbosity=verbosity,
        stream=request.stream,
    )
    _name_what_is_lost(body)
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _refuse_state(body: Fields) -> None:
    wanted = [name for name in _STATE if body.take(name, RAW) is not None]
    if body.take("background", FLAG):
        wanted.append("background")
    if wanted:
        raise body.wrong(wanted[0], "is not supported here: only a provider with the Responses API keeps state")


def _name_what_is_lost(body: Fields) -> None:
    if body.take("store", FLAG):
        body.lose("store")
    if body.take("truncation", TEXT) not in (None, "disabled"):
        body.lose("truncation")
    body.close()


def _user(body: Fields) -> str | None:
    user, identifier = body.take("user", TEXT), body.take("safety_identifier", TEXT)
    return user or identifier


def _metadata(body: Fields) -> msgspec.Raw | None:
    metadata = body.take("metadata", _METADATA)
    return msgspec.Raw(msgspec.json.encode(metadata)) if metadata else None


def _service_tier(body: Fields) -> str | None:
    word = body.take("service_tier", TEXT)
    if word is not None and word not in _TIERS:
        body.lose("service_tier")
    return _TIERS.get(word or "")


def _logprobs(body: Fields) -> Logprobs | None:
    """`top_logprobs` says how many, `include` whether any."""
    top = body.take("top_logprobs", INTEGER)
    included = body.take("include", TEXTS) or []
    for name in included:
        if name not in (_LOGPROBS, _ALWAYS_INCLUDED):
            body.lose(f"include.{name}")
    return Logprobs(top=max(top or 0, 0)) if _LOGPROBS in included else None


def _reasoning(body: Fields) -> Reasoning | None:
    wanted = body.take("reasoning", OBJECT)
    if wanted is None:
        return None
    fields = body.inner("reasoning", wanted)
    effort = fields.take("effort", TEXT)
    summaries = fields.take("summary", TEXT), fields.take("generate_summary", TEXT)
    summary = True if any(summaries) else None
    fields.close()
    if effort == "none":
        return Reasoning(off=True, summary=summary)
    if effort is not None and effort not in EFFORT_OF_WORD:
        raise fields.wrong("effort", "is none of none, minimal, low, medium, high, xhigh, max")
    if effort is None and summary is None:
        return None
    return Reasoning(effort=EFFORT_OF_WORD.get(effort or ""), summary=summary)


def _text(body: Fields) -> tuple[ResponseFormat | None, str | None]:
    """The form of the answer, and how long it is to be."""
    text = body.take("text", OBJECT)
    if text is None:
        return None, None
    fields = body.inner("text", text)
    verbosity = fields.take("verbosity", TEXT)
    if verbosity is not None and verbosity not in _VERBOSITIES:
        raise fields.wrong("verbosity", "is none of low, medium, high")
    wanted = fields.take("format", OBJECT)
    fields.close()
    return (None if wanted is None else _format(fields.inner("format", wanted))), verbosity


def _format(wanted: Fields) -> ResponseFormat | None:
    kind = wanted.need("type", TEXT)
    if kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat()
    if kind != "json_schema":
        raise wanted.wrong("type", "is none of text, json_object, json_schema")
    schema = wanted.carry("schema", OBJECT)
    if schema is None:
        raise wanted.wrong("schema", "is required")
    read = ResponseFormat(
        schema=schema,
        name=wanted.need("name", TEXT),
        description=wanted.take("description", TEXT),
        strict=wanted.take("strict", FLAG),
    )
    wanted.close()
    return read
