"""The examples of callers of Anthropic's messages."""

from __future__ import annotations

from typing import Any, Final

from tests.llm.dialects import feature_example as held
from tests.llm.dialects.feature_example import Body, Example, Examples, always

USER: Final = {"role": "user", "content": "Hello"}
PLAIN: Final[Body] = {"messages": [USER]}
TOOL: Final[Body] = {"name": "look", "description": "Looks.", "input_schema": held.SCHEMA}
SEARCH: Final[Body] = {"type": "web_search_20250305", "name": "web_search"}
CALLS: Final = [
    {"type": "tool_use", "id": f"toolu_{number}", "name": "look", "input": {"at": 1.0}} for number in (1, 2)
]
IMAGE: Final[Body] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": held.PIXEL},
}
DOCUMENT: Final[Body] = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": held.PDF},
}
DOCUMENT_AT: Final[Body] = {"type": "document", "source": {"type": "url", "url": held.PDF_AT}}
STORY: Final = {"type": "text", "media_type": "text/plain", "data": "Once upon a time."}
MARKED: Final = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
LONGER: Final = {"type": "text", "text": "y", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
RESULT: Final = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "seen"}


def say(**fields: Any) -> Body:
    return {**PLAIN, **fields}


def part(content: Body) -> Body:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, content]}]}


def history(content: Any = "seen", **more: Any) -> Body:
    told = [{"type": "tool_result", "tool_use_id": call["id"], "content": content, **more} for call in CALLS]
    turns = [USER, {"role": "assistant", "content": CALLS}, {"role": "user", "content": told}]
    return {"messages": turns, "tools": [TOOL]}


def answered(*before: Body, **more: Any) -> Body:
    said = [*before, {"type": "text", "text": "It rains.", **more}]
    return {"messages": [USER, {"role": "assistant", "content": said}, USER]}


def signed(signature: str) -> Body:
    return answered({"type": "thinking", "thinking": "Hm.", "signature": signature})


def chosen(kind: str, **more: Any) -> Body:
    return say(tools=[TOOL], tool_choice={"type": kind, **more})


def thinks(budget: int, **more: Any) -> Body:
    return say(thinking={"type": "enabled", "budget_tokens": budget}, **more)


_CONTENT: Final[Examples] = {
    "system": always(say(system="Be brief."), held.roles),
    "system_position": always({"messages": [USER, {"role": "system", "content": "Be brief."}, USER]}, held.roles),
    "multi_turn": always(answered(), held.TEXTS),
    "image_base64": always(part(IMAGE), held.IMAGES),
    "image_url": always(part({"type": "image", "source": {"type": "url", "url": held.PICTURE_AT}}), held.IMAGES),
    "pdf_base64": always(part(DOCUMENT), held.documents),
    "pdf_url": always(part(DOCUMENT_AT), held.addresses),
    "pdf_url_title": always(part({**DOCUMENT_AT, "title": "A"}), held.titles),
    "text_document": always(part({"type": "document", "source": STORY}), held.documents),
    "document_title": always(part({**DOCUMENT, "title": "A"}), held.titles),
    "document_citations": always(part({**DOCUMENT, "citations": {"enabled": True}}), held.cited),
    "file_id": always(
        part({"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        named="messages[0].content[1].source.type",
    ),
    "cache_marks": always(part(MARKED), held.marks),
    "cache_marks_longer_behind": always({"messages": [{"role": "user", "content": [MARKED, LONGER]}]}, held.marks),
    "cache_marks_above_4": always({"messages": [{"role": "user", "content": [MARKED] * 5}]}, held.marks),
}
_TOOLS: Final[Examples] = {
    "tools": always(say(tools=[TOOL]), held.tools),
    "tool_choice_auto": always(chosen("auto"), held.choice),
    "tool_choice_none": always(chosen("none"), held.choice),
    "tool_choice_required": always(chosen("any"), held.choice),
    "tool_choice_named": always(chosen("tool", name="look"), held.choice),
    "tool_calls": always(history(), held.calls),
    "tool_result_no_call": always({"messages": [{"role": "user", "content": [RESULT]}]}, held.results),
    "tool_results": always(history(), held.results),
    "tool_result_error": always(history(is_error=True), held.failures),
    "tool_result_image": always(history([IMAGE]), held.images_of_results),
    "tool_result_document": always(history([DOCUMENT]), held.documents_of_results),
    "tool_strict": always(say(tools=[{**TOOL, "strict": True}]), held.stricts),
    "one_call_at_a_time": always(chosen("auto", disable_parallel_tool_use=True), lambda said: said.parallel_tool_calls),
    "server_tools": always(say(tools=[SEARCH]), named="tools.web_search_20250305"),
    "server_tool_forced": always(
        say(tools=[SEARCH], tool_choice={"type": "tool", "name": "web_search"}), named="tool_choice"
    ),
    "server_tools_forced": always(say(tools=[SEARCH], tool_choice={"type": "any"}), named="tool_choice"),
}
_HISTORY: Final[Examples] = {
    "thinking_unsigned": always(signed(""), held.thoughts),
    "thinking_signed": Example(lambda to: signed(held.travelling(to)), held.thoughts),
    "thinking_signed_elsewhere": always(signed("b3du"), held.thoughts),
    "thinking_redacted": Example(
        lambda to: answered({"type": "redacted_thinking", "data": held.travelling(to)}), held.thoughts
    ),
    "thinking_redacted_elsewhere": always(answered({"type": "redacted_thinking", "data": "b3du"}), held.thoughts),
    "citations_of_pages": always(
        answered(
            citations=[
                {"type": "web_search_result_location", "cited_text": "rain", "encrypted_index": "e", **held.PAGE}
            ]
        ),
        held.sources,
    ),
    "citations_of_documents": always(
        answered(
            citations=[
                {
                    "type": "char_location",
                    "cited_text": "rain",
                    "document_index": 0,
                    "document_title": "A",
                    "start_char_index": 0,
                    "end_char_index": 4,
                }
            ]
        ),
        held.sources,
    ),
}
_ANSWER: Final[Examples] = {
    "json_schema": always(say(output_config={"format": {"type": "json_schema", "schema": held.SCHEMA}}), held.schema),
    "stop": always(say(stop_sequences=held.STOPS), held.sampling("stop")),
    "stop_above_5": always(say(stop_sequences=held.MANY_STOPS), held.sampling("stop")),
    "stop_white_space": always(say(stop_sequences=["\n\n"]), held.sampling("stop")),
    "temperature": always(say(temperature=0.5), held.sampling("temperature")),
    "top_p": always(say(top_p=0.5), held.sampling("top_p")),
    "top_k": always(say(top_k=5), held.sampling("top_k")),
    "max_tokens": always(say(max_tokens=50), held.sampling("max_tokens")),
    "reasoning_effort": always(say(output_config={"effort": "high"}), held.effort),
    "thinking_budget": always(thinks(2048), held.budget),
    "thinking_budget_above_bound": always(thinks(2048, max_tokens=1500), held.budget),
    "thinking_budget_with_forced_call": always({**thinks(2048), **chosen("any")}, held.budget),
    "reasoning_off": always(say(thinking={"type": "disabled"}), held.off),
    "thoughts_shown": always(say(thinking={"type": "adaptive"}), held.shown),
}
_SETTINGS: Final[Examples] = {
    "service_tier_default": always(say(service_tier="standard_only"), lambda said: said.service_tier),
    "user": always(say(metadata={"user_id": "u-1"}), lambda said: said.user),
    "no_word_elsewhere": always(say(container="c_1"), named="container"),
}
EXAMPLES: Final[Examples] = {**_CONTENT, **_TOOLS, **_HISTORY, **_ANSWER, **_SETTINGS}
