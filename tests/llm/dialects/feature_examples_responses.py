"""The examples of callers of OpenAI's responses."""

from __future__ import annotations

from typing import Any, Final

from tests.llm.dialects import feature_example as held
from tests.llm.dialects.feature_example import Body, Example, Examples, always

USER: Final = {"role": "user", "content": "Hello"}
PLAIN: Final[Body] = {"input": "Hello"}
TOOL: Final[Body] = {"type": "function", "name": "look", "description": "Looks.", "parameters": held.SCHEMA}
CALLS: Final = [
    {"type": "function_call", "call_id": f"call_{number}", "name": "look", "arguments": '{"at":1.0}'}
    for number in (1, 2)
]
IMAGE: Final[Body] = {"type": "input_image", "image_url": f"data:image/png;base64,{held.PIXEL}"}
FILE: Final[Body] = {"type": "input_file", "file_data": f"data:application/pdf;base64,{held.PDF}"}


def say(**fields: Any) -> Body:
    return {**PLAIN, **fields}


def part(content: Body) -> Body:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": "See:"}, content]}]}


def history(output: Any = "seen") -> Body:
    told = [{"type": "function_call_output", "call_id": call["call_id"], "output": output} for call in CALLS]
    return {"input": [USER, *CALLS, *told], "tools": [TOOL]}


def answered(*before: Body, kind: str = "output_text", **more: Any) -> Body:
    said = {"type": kind, **({"text": "It rains."} if kind == "output_text" else {}), **more}
    return {"input": [USER, *before, {"type": "message", "role": "assistant", "content": [said]}, USER]}


def thought(encrypted: str | None, *summary: str) -> Body:
    texts = [{"type": "summary_text", "text": text} for text in summary]
    return answered({"type": "reasoning", "id": "rs_gw", "summary": texts, "encrypted_content": encrypted})


def cites(**annotation: Any) -> Body:
    return answered(annotations=[{"start_index": 0, "end_index": 9, **annotation}])


def form(kind: str, **more: Any) -> Body:
    return say(text={"format": {"type": kind, **more}})


def json_schema(**more: Any) -> Body:
    return form("json_schema", name="x", schema=held.SCHEMA, **more)


_CONTENT: Final[Examples] = {
    "system": always(say(instructions="Be brief."), held.roles),
    "system_position": always({"input": [USER, {"role": "system", "content": "Be brief."}, USER]}, held.roles),
    "developer": always({"input": [{"role": "developer", "content": "Be brief."}, USER]}, held.roles),
    "multi_turn": always(answered(), held.TEXTS),
    "image_base64": always(part(IMAGE), held.IMAGES),
    "image_url": always(part({"type": "input_image", "image_url": held.PICTURE_AT}), held.IMAGES),
    "image_detail": always(part({**IMAGE, "detail": "low"}), held.details),
    "pdf_base64": always(part(FILE), held.documents),
    "pdf_url": always(part({"type": "input_file", "file_url": held.PDF_AT}), held.addresses),
    "pdf_url_title": always(part({"type": "input_file", "file_url": held.PDF_AT, "filename": "a.pdf"}), held.titles),
    "text_document": always(part({**FILE, "file_data": f"data:text/plain;base64,{held.TXT}"}), held.documents),
    "document_title": always(part({**FILE, "filename": "a.pdf"}), held.titles),
    "audio_input": always(
        part({"type": "input_audio", "input_audio": {"data": held.SOUND, "format": "mp3"}}), held.SOUNDS
    ),
    "file_id": always(part({"type": "input_file", "file_id": "file-1"}), named="input[0].content[1].file_id"),
}
_TOOLS: Final[Examples] = {
    "tools": always(say(tools=[TOOL]), held.tools),
    "tool_choice_auto": always(say(tools=[TOOL], tool_choice="auto"), held.choice),
    "tool_choice_none": always(say(tools=[TOOL], tool_choice="none"), held.choice),
    "tool_choice_required": always(say(tools=[TOOL], tool_choice="required"), held.choice),
    "tool_choice_named": always(say(tools=[TOOL], tool_choice={"type": "function", "name": "look"}), held.choice),
    "tool_choice_several": always(
        say(
            tools=[{**TOOL, "name": name} for name in ("look", "hear", "smell")],
            tool_choice={
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": name} for name in ("look", "hear")],
            },
        ),
        held.choice_of_several,
    ),
    "tool_calls": always(history(), held.calls),
    "tool_call_no_object": always({"input": [USER, {**CALLS[0], "arguments": "[1"}]}, held.calls),
    "tool_result_no_call": always(
        {"input": [USER, {"type": "function_call_output", "call_id": "call_9", "output": "seen"}]}, held.results
    ),
    "tool_results": always(history(), held.results),
    "tool_result_image": always(history([IMAGE]), held.images_of_results),
    "tool_result_document": always(history([FILE]), held.documents_of_results),
    "tool_strict": always(say(tools=[{**TOOL, "strict": True}]), held.stricts),
    "one_call_at_a_time": always(say(tools=[TOOL], parallel_tool_calls=False), lambda said: said.parallel_tool_calls),
    "server_tools": always(say(tools=[{"type": "web_search"}]), named="tools.web_search"),
    "server_tool_forced": always(
        say(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"}), named="tool_choice"
    ),
    "server_tools_forced": always(say(tools=[{"type": "web_search"}], tool_choice="required"), named="tool_choice"),
}
_HISTORY: Final[Examples] = {
    "thinking_unsigned": always(thought(None, "Hm."), held.thoughts),
    "thinking_signed": Example(lambda to: thought(held.travelling(to), "Hm."), held.thoughts),
    "thinking_signed_elsewhere": always(thought("b3du", "Hm."), held.thoughts),
    "thinking_redacted": Example(lambda to: thought(held.travelling_redacted(to)), held.thoughts),
    "thinking_redacted_elsewhere": always(thought("b3du"), held.thoughts),
    "refusal": always(answered(kind="refusal", refusal="No."), held.REFUSALS),
    "citations_of_pages": always(cites(type="url_citation", **held.PAGE), held.sources),
    "citations_of_documents": always(
        cites(type="file_citation", file_id="file-1", filename="a.pdf", index=9), held.sources
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
    "logprobs": always(say(include=["message.output_text.logprobs"], top_logprobs=3), lambda said: said.logprobs),
    "temperature": always(say(temperature=0.5), held.sampling("temperature")),
    "temperature_above_1": always(say(temperature=1.5), held.sampling("temperature")),
    "top_p": always(say(top_p=0.5), held.sampling("top_p")),
    "max_tokens": always(say(max_output_tokens=50), held.sampling("max_tokens")),
    "reasoning_effort": always(say(reasoning={"effort": "high"}), held.effort),
    "reasoning_effort_minimal": always(say(reasoning={"effort": "minimal"}), held.effort),
    "reasoning_off": always(say(reasoning={"effort": "none"}), held.off),
    "thoughts_shown": always(say(reasoning={"summary": "auto"}), held.shown),
    "verbosity": always(say(text={"verbosity": "low"}), lambda said: said.verbosity),
}
_SETTINGS: Final[Examples] = {
    "service_tier_default": always(say(service_tier="default"), lambda said: said.service_tier),
    "service_tier": always(say(service_tier="priority"), lambda said: said.service_tier),
    "metadata": always(say(metadata={"a": "b"}), held.metadata),
    "user": always(say(user="u-1"), lambda said: said.user),
    "store": always(say(store=True)),
    "stored_state": always(say(previous_response_id="resp_1"), named="previous_response_id"),
    "no_word_elsewhere": always(say(truncation="auto"), named="truncation"),
}
EXAMPLES: Final[Examples] = {**_CONTENT, **_TOOLS, **_HISTORY, **_ANSWER, **_SETTINGS}
