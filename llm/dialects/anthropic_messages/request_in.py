"""A messages request, read into the hub's words.

Source: `MessageCreateParams` of the anthropic SDK (2.12). `temperature`, `top_p` and `top_k` are no longer in it; older
clients send them, and older models take them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.anthropic_messages.content_in import read_system, read_turn
from llm.dialects.anthropic_messages.thinking_in import read_output_config, read_thinking
from llm.dialects.anthropic_messages.tools_in import read_tool_choice, read_tools
from llm.dialects.fields import INTEGER, NUMBER, OBJECT, OBJECTS, RAW, TEXT, TEXTS, Fields
from llm.dialects.neutral import Conversation, Sampling
from llm.spec import Request

_TIERS: Final = {"auto": "auto", "standard_only": "default"}


def read_request(request: Request) -> Conversation:
    body = Fields(dict(request.fields), "", {})
    for name in ("model", "stream"):
        body.take(name, RAW)
    turns = [*read_system(body), *map(read_turn, body.each("messages", body.need("messages", OBJECTS)))]
    tools = read_tools(body)
    choice, parallel = read_tool_choice(body, tools)
    effort, response_format = read_output_config(body)
    conversation = Conversation(
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        sampling=_sampling(body),
        reasoning=read_thinking(body, effort),
        response_format=response_format,
        user=_user(body),
        service_tier=_service_tier(body),
        stream=request.stream,
    )
    speed = body.take("speed", TEXT)
    if speed not in (None, "standard"):
        body.lose("speed")
    body.close()
    return msgspec.structs.replace(conversation, lost=tuple(body.lost))


def _sampling(body: Fields) -> Sampling:
    stop = body.take("stop_sequences", TEXTS)
    return Sampling(
        max_tokens=body.take("max_tokens", INTEGER),
        temperature=body.take("temperature", NUMBER),
        top_p=body.take("top_p", NUMBER),
        top_k=body.take("top_k", INTEGER),
        stop=tuple(stop or ()),
    )


def _user(body: Fields) -> str | None:
    metadata = body.take("metadata", OBJECT)
    if metadata is None:
        return None
    fields = body.inner("metadata", metadata)
    user = fields.take("user_id", TEXT)
    fields.close()
    return user


def _service_tier(body: Fields) -> str | None:
    tier = body.take("service_tier", TEXT)
    if tier is None:
        return None
    if tier not in _TIERS:
        raise body.wrong("service_tier", "is none of auto, standard_only")
    return _TIERS[tier]
