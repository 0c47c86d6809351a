"""For each feature that callers of OpenAI's chat can say: a body that says it, and where the hub's words hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llm.dialects.neutral import Audio, Conversation, Document, Image, Part, Text, ToolCall, ToolResult

Body = dict[str, Any]
Look = Callable[[Conversation], object]

USER: Final = {"role": "user", "content": "Hello"}
LOOK: Final[Body] = {"name": "look", "parameters": {"type": "object"}}
TOOL: Final[Body] = {"type": "function", "function": LOOK}
STRICT: Final[Body] = {"type": "function", "function": {**LOOK, "strict": True}}
CALLS: Final = [
    {"id": f"call_{number}", "type": "function", "function": {"name": "look", "arguments": '{"at":1.0}'}}
    for number in (1, 2)
]
HISTORY: Final = [
    USER,
    {"role": "assistant", "content": None, "tool_calls": CALLS},
    *({"role": "tool", "tool_call_id": call["id"], "content": "seen"} for call in CALLS),
]
SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
PIXEL: Final = "iVBORw0KGgo="


def parts(kind: type[Part]) -> Look:
    """The parts of this kind, in all turns, without their provider's own ids."""
    return lambda said: [part for turn in said.turns for part in turn.parts if isinstance(part, kind)]


def part(content: Body) -> Body:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, content]}]}


def said(**fields: Any) -> Body:
    return {"messages": [USER], **fields}


def calls(conversation: Conversation) -> object:
    found = [one for turn in conversation.turns for one in turn.parts if isinstance(one, ToolCall)]
    return [(one.name, one.arguments) for one in found]


def results(conversation: Conversation) -> object:
    found = [one for turn in conversation.turns for one in turn.parts if isinstance(one, ToolResult)]
    return [[inner.text for inner in one.parts if isinstance(inner, Text)] for one in found]


def documents(conversation: Conversation) -> object:
    """Without their names: Gemini's words have none."""
    found = [one for turn in conversation.turns for one in turn.parts if isinstance(one, Document)]
    return [(one.media_type, one.data) for one in found]


def roles(conversation: Conversation) -> object:
    return [turn.role for turn in conversation.turns]


PICTURE: Final[Body] = {"url": f"data:image/png;base64,{PIXEL}"}
IMAGE: Final[Body] = {"type": "image_url", "image_url": PICTURE}
FILE: Final = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}

EXAMPLES: Final[dict[str, tuple[Body, Look]]] = {
    "system": ({"messages": [{"role": "system", "content": "Be brief."}, USER]}, roles),
    "system_position": ({"messages": [USER, {"role": "system", "content": "Be brief."}, USER]}, roles),
    "developer": ({"messages": [{"role": "developer", "content": "Be brief."}, USER]}, roles),
    "multi_turn": ({"messages": [USER, {"role": "assistant", "content": "Yes?"}, USER]}, parts(Text)),
    "image_base64": (part(IMAGE), parts(Image)),
    "image_url": (part({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), parts(Image)),
    "image_detail": (part({"type": "image_url", "image_url": {**PICTURE, "detail": "low"}}), parts(Image)),
    "pdf_base64": (part({"type": "file", "file": FILE}), documents),
    "audio_input": (part({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}), parts(Audio)),
    "tools": (said(tools=[TOOL]), lambda c: [tool.name for tool in c.tools]),
    "tool_choice_auto": (said(tools=[TOOL], tool_choice="auto"), lambda c: c.tool_choice),
    "tool_choice_none": (said(tools=[TOOL], tool_choice="none"), lambda c: c.tool_choice),
    "tool_choice_required": (said(tools=[TOOL], tool_choice="required"), lambda c: c.tool_choice),
    "tool_choice_named": (
        said(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "look"}}),
        lambda c: c.tool_choice,
    ),
    "tool_calls": ({"messages": HISTORY, "tools": [TOOL]}, calls),
    "tool_results": ({"messages": HISTORY, "tools": [TOOL]}, results),
    "tool_strict": (said(tools=[STRICT]), lambda c: [tool.strict for tool in c.tools]),
    "one_call_at_a_time": (said(tools=[TOOL], parallel_tool_calls=False), lambda c: c.parallel_tool_calls),
    "json_schema": (
        said(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}),
        lambda c: c.response_format and c.response_format.schema is not None,
    ),
    "json_object": (said(response_format={"type": "json_object"}), lambda c: c.response_format is not None),
    "stop": (said(stop=["END", "STOP"]), lambda c: c.sampling.stop),
    "seed": (said(seed=7), lambda c: c.sampling.seed),
    "n": (said(n=2), lambda c: c.sampling.n),
    "logprobs": (said(logprobs=True, top_logprobs=3), lambda c: c.logprobs),
    "logit_bias": (said(logit_bias={"5": 1}), lambda c: c.sampling.logit_bias is not None),
    "presence_penalty": (said(presence_penalty=0.5), lambda c: c.sampling.presence_penalty),
    "frequency_penalty": (said(frequency_penalty=0.5), lambda c: c.sampling.frequency_penalty),
    "temperature": (said(temperature=0.5), lambda c: c.sampling.temperature),
    "temperature_above_1": (said(temperature=1.5), lambda c: c.sampling.temperature),
    "top_p": (said(top_p=0.5), lambda c: c.sampling.top_p),
    "top_k": (said(top_k=5), lambda c: c.sampling.top_k),
    "max_tokens": (said(max_completion_tokens=50), lambda c: c.sampling.max_tokens),
    "reasoning_effort": (said(reasoning_effort="high"), lambda c: c.reasoning and c.reasoning.effort),
    "reasoning_off": (said(reasoning_effort="none"), lambda c: c.reasoning and c.reasoning.off),
    "service_tier": (said(service_tier="flex"), lambda c: c.service_tier),
    "metadata": (said(metadata={"a": "b"}), lambda c: c.metadata is not None),
    "user": (said(user="u-1"), lambda c: c.user),
    "verbosity": (said(verbosity="low"), lambda c: c.verbosity),
}
