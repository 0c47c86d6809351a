"""The examples of callers of OpenAI's chat."""

from __future__ import annotations

from typing import Any, Final

from tests.llm.dialects import feature_example as held
from tests.llm.dialects.feature_example import Body, Example, Examples, always

USER: Final = {"role": "user", "content": "Hello"}
PLAIN: Final[Body] = {"messages": [USER]}
LOOK: Final[Body] = {"name": "look", "description": "Looks.", "parameters": held.SCHEMA}
TOOL: Final[Body] = {"type": "function", "function": LOOK}
CALLS: Final = [
    {"id": f"call_{number}", "type": "function", "function": {"name": "look", "arguments": '{"at":1.0}'}}
    for number in (1, 2)
]
NO_OBJECT: Final = {"name": "look", "arguments": "[1"}
PICTURE: Final[Body] = {"url": f"data:image/png;base64,{held.PIXEL}"}
IMAGE: Final[Body] = {"type": "image_url", "image_url": PICTURE}
FILE: Final[Body] = {"file_data": f"data:application/pdf;base64,{held.PDF}"}
MARKED: Final = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
LONGER: Final = {"type": "text", "text": "y", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def say(**fields: Any) -> Body:
    return {**PLAIN, **fields}


def part(content: Body) -> Body:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, content]}]}


def file(**more: str) -> Body:
    return part({"type": "file", "file": {**FILE, **more}})


def history(content: Any = "seen") -> Body:
    told = [{"role": "tool", "tool_call_id": call["id"], "content": content} for call in CALLS]
    return say(messages=[USER, {"role": "assistant", "content": None, "tool_calls": CALLS}, *told], tools=[TOOL])


def answered(**more: Any) -> Body:
    return {"messages": [USER, {"role": "assistant", "content": "It rains.", **more}, USER]}


def thought(**detail: str) -> Body:
    return answered(reasoning_details=[{**detail, "index": 0}])


def form(kind: str, **more: Any) -> Body:
    return say(response_format={"type": kind, **more})


def json_schema(**more: Any) -> Body:
    return form("json_schema", json_schema={"name": "x", "schema": held.SCHEMA, **more})


_CONTENT: Final[Examples] = {
    "system": always({"messages": [{"role": "system", "content": "Be brief."}, USER]}, held.roles),
    "system_position": always({"messages": [USER, {"role": "system", "content": "Be brief."}, USER]}, held.roles),
    "developer": always({"messages": [{"role": "developer", "content": "Be brief."}, USER]}, held.roles),
    "multi_turn": always(answered(), held.TEXTS),
    "image_base64": always(part(IMAGE), held.IMAGES),
    "image_url": always(part({"type": "image_url", "image_url": {"url": held.PICTURE_AT}}), held.IMAGES),
    "image_detail": always(part({"type": "image_url", "image_url": {**PICTURE, "detail": "low"}}), held.details),
    "pdf_base64": always(file(), held.documents),
    "text_document": always(file(file_data=f"data:text/plain;base64,{held.TXT}"), held.documents),
    "document_title": always(file(filename="a.pdf"), held.titles),
    "audio_input": always(
        part({"type": "input_audio", "input_audio": {"data": held.SOUND, "format": "wav"}}), held.SOUNDS
    ),
    "file_id": always(
        part({"type": "file", "file": {"file_id": "file-1"}}), named="messages[0].content[1].file.file_id"
    ),
    "cache_marks": always(part(MARKED), held.marks),
    "cache_marks_longer_behind": always({"messages": [{"role": "user", "content": [MARKED, LONGER]}]}, held.marks),
    "cache_marks_above_4": always({"messages": [{"role": "user", "content": [MARKED] * 5}]}, held.marks),
}
_TOOLS: Final[Examples] = {
    "tools": always(say(tools=[TOOL]), held.tools),
    "tool_choice_auto": always(say(tools=[TOOL], tool_choice="auto"), held.choice),
    "tool_choice_none": always(say(tools=[TOOL], tool_choice="none"), held.choice),
    "tool_choice_required": always(say(tools=[TOOL], tool_choice="required"), held.choice),
    "tool_choice_named": always(
        say(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "look"}}), held.choice
    ),
    "tool_choice_several": always(
        say(
            tools=[{"type": "function", "function": {**LOOK, "name": name}} for name in ("look", "hear", "smell")],
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": name}} for name in ("look", "hear")],
                },
            },
        ),
        held.choice_of_several,
    ),
    "tool_calls": always(history(), held.calls),
    "tool_call_no_object": always(
        say(messages=[USER, {"role": "assistant", "tool_calls": [{**CALLS[0], "function": NO_OBJECT}]}]), held.calls
    ),
    "tool_result_no_call": always(
        say(messages=[USER, {"role": "tool", "tool_call_id": "call_9", "content": "seen"}]), held.results
    ),
    "tool_results": always(history(), held.results),
    "tool_result_image": always(history([IMAGE]), held.images_of_results),
    "tool_result_document": always(history([{"type": "file", "file": FILE}]), held.documents_of_results),
    "tool_strict": always(say(tools=[{"type": "function", "function": {**LOOK, "strict": True}}]), held.stricts),
    "one_call_at_a_time": always(say(tools=[TOOL], parallel_tool_calls=False), lambda said: said.parallel_tool_calls),
    "server_tools": always(say(tools=[{"type": "web_search"}]), named="tools.web_search"),
    "server_tool_forced": always(
        say(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"}), named="tool_choice.type"
    ),
    "server_tools_forced": always(say(tools=[{"type": "web_search"}], tool_choice="required"), named="tool_choice"),
}
_HISTORY: Final[Examples] = {
    "thinking_unsigned": always(answered(reasoning_content="Hm."), held.thoughts),
    "thinking_signed": Example(
        lambda to: thought(type="reasoning.text", text="Hm.", signature=held.travelling(to)), held.thoughts
    ),
    "thinking_signed_elsewhere": always(
        thought(type="reasoning.text", text="Hm.", signature="b3du", format="anthropic-claude-v1"), held.thoughts
    ),
    "thinking_redacted": Example(
        lambda to: thought(type="reasoning.encrypted", data=held.travelling(to)), held.thoughts
    ),
    "thinking_redacted_elsewhere": always(
        thought(type="reasoning.encrypted", data="b3du", format="openai-responses-v1"), held.thoughts
    ),
    "refusal": always(answered(content=None, refusal="No."), held.REFUSALS),
    "citations_of_pages": always(
        answered(
            annotations=[{"type": "url_citation", "url_citation": {**held.PAGE, "start_index": 0, "end_index": 9}}]
        ),
        held.sources,
    ),
}
_ANSWER: Final[Examples] = {
    "json_schema": always(json_schema(), held.schema),
    "json_schema_strict": always(
        json_schema(strict=True), lambda said: said.response_format and said.response_format.strict
    ),
    "json_schema_description": always(
        json_schema(description="A thing."), lambda said: said.response_format and said.response_format.description
    ),
    "json_object": always(form("json_object"), lambda said: said.response_format is not None),
    "output_media": always(say(modalities=["text", "audio"]), named="modalities"),
    "stop": always(say(stop=held.STOPS), held.sampling("stop")),
    "stop_above_5": always(say(stop=held.MANY_STOPS), held.sampling("stop")),
    "stop_white_space": always(say(stop="\n\n"), held.sampling("stop")),
    "seed": always(say(seed=7), held.sampling("seed")),
    "n": always(say(n=2), held.sampling("n")),
    "logprobs": always(say(logprobs=True, top_logprobs=3), lambda said: said.logprobs),
    "logit_bias": always(say(logit_bias={"5": 1}), held.sampling("logit_bias")),
    "presence_penalty": always(say(presence_penalty=0.5), held.sampling("presence_penalty")),
    "frequency_penalty": always(say(frequency_penalty=0.5), held.sampling("frequency_penalty")),
    "temperature": always(say(temperature=0.5), held.sampling("temperature")),
    "temperature_above_1": always(say(temperature=1.5), held.sampling("temperature")),
    "top_p": always(say(top_p=0.5), held.sampling("top_p")),
    "top_k": always(say(top_k=5), held.sampling("top_k")),
    "max_tokens": always(say(max_completion_tokens=50), held.sampling("max_tokens")),
    "max_tokens_old_name": always(say(max_tokens=50), held.sampling("max_tokens")),
    "reasoning_effort": always(say(reasoning_effort="high"), held.effort),
    "reasoning_effort_minimal": always(say(reasoning_effort="minimal"), held.effort),
    "reasoning_off": always(say(reasoning_effort="none"), held.off),
    "verbosity": always(say(verbosity="low"), lambda said: said.verbosity),
}
_SETTINGS: Final[Examples] = {
    "service_tier_default": always(say(service_tier="default"), lambda said: said.service_tier),
    "service_tier": always(say(service_tier="flex"), lambda said: said.service_tier),
    "metadata": always(say(metadata={"a": "b"}), held.metadata),
    "user": always(say(user="u-1"), lambda said: said.user),
    "store": always(say(store=True)),
    "no_word_elsewhere": always(say(prediction={"type": "content", "content": "x"}), named="prediction"),
}
EXAMPLES: Final[Examples] = {**_CONTENT, **_TOOLS, **_HISTORY, **_ANSWER, **_SETTINGS}
