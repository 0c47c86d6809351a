"""The examples of callers of Gemini's generateContent."""

from __future__ import annotations

import base64
from typing import Any, Final

from tests.llm.dialects import feature_example as held
from tests.llm.dialects.feature_example import Body, Example, Examples, always

USER: Final = {"role": "user", "parts": [{"text": "Hello"}]}
PLAIN: Final[Body] = {"contents": [USER]}
LOOK: Final[Body] = {"name": "look", "description": "Looks.", "parametersJsonSchema": held.SCHEMA}
TOOLS: Final = [{"functionDeclarations": [LOOK]}]
CALLS: Final = [{"functionCall": {"id": f"c{number}", "name": "look", "args": {"at": 1.0}}} for number in (1, 2)]
PDF: Final[Body] = {"mimeType": "application/pdf", "data": held.PDF}
PDF_AT: Final[Body] = {"mimeType": "application/pdf", "fileUri": held.PDF_AT}
IMAGE: Final[Body] = {"inlineData": {"mimeType": "image/png", "data": held.PIXEL}}
GOOGLES: Final = "https://generativelanguage.googleapis.com/v1beta/files/f1"


def say(**fields: Any) -> Body:
    return {**PLAIN, **fields}


def config(**fields: Any) -> Body:
    return say(generationConfig=fields)


def thinks(**fields: Any) -> Body:
    return config(thinkingConfig=fields)


def part(content: Body) -> Body:
    return {"contents": [{"role": "user", "parts": [{"text": "See:"}, content]}]}


def inline(media_type: str, data: str) -> Body:
    return part({"inlineData": {"mimeType": media_type, "data": data}})


def history(response: Any = None, **more: Any) -> Body:
    told = [
        {"functionResponse": {"id": f"c{number}", "name": "look", "response": response or {"result": "seen"}, **more}}
        for number in (1, 2)
    ]
    return say(contents=[USER, {"role": "model", "parts": CALLS}, {"role": "user", "parts": told}], tools=TOOLS)


def answered(*before: Body) -> Body:
    return {"contents": [USER, {"role": "model", "parts": [*before, {"text": "It rains."}]}, USER]}


def chosen(mode: str, **more: Any) -> Body:
    return say(tools=TOOLS, toolConfig={"functionCallingConfig": {"mode": mode, **more}})


def packed(signature: str) -> str:
    """Signatures are bytes in base64 here."""
    return base64.b64encode(signature.encode()).decode()


def thought(text: str, signature: str) -> Body:
    return answered({"text": text, "thought": True, "thoughtSignature": signature})


_CONTENT: Final[Examples] = {
    "system": always(say(systemInstruction={"parts": [{"text": "Be brief."}]}), held.roles),
    "multi_turn": always(answered(), held.TEXTS),
    "image_base64": always(part(IMAGE), held.IMAGES),
    "image_url": always(part({"fileData": {"mimeType": "image/png", "fileUri": held.PICTURE_AT}}), held.IMAGES),
    "pdf_base64": always(inline("application/pdf", held.PDF), held.documents),
    "pdf_url": always(part({"fileData": PDF_AT}), held.addresses),
    "pdf_url_title": always(part({"fileData": {**PDF_AT, "displayName": "A"}}), held.titles),
    "text_document": always(inline("text/plain", held.TXT), held.documents),
    "document_title": always(part({"inlineData": {**PDF, "displayName": "A"}}), held.titles),
    "audio_input": always(inline("audio/wav", held.SOUND), held.SOUNDS),
    "audio_input_other": always(inline("audio/flac", held.SOUND), held.SOUNDS),
    "file_id": always(
        part({"fileData": {**PDF_AT, "fileUri": GOOGLES}}), named="contents[0].parts[1].fileData.fileUri"
    ),
}
_TOOLS: Final[Examples] = {
    "tools": always(say(tools=TOOLS), held.tools),
    "tool_choice_auto": always(chosen("AUTO"), held.choice),
    "tool_choice_none": always(chosen("NONE"), held.choice),
    "tool_choice_required": always(chosen("ANY"), held.choice),
    "tool_choice_named": always(chosen("ANY", allowedFunctionNames=["look"]), held.choice),
    "tool_choice_several": always(
        {
            **chosen("ANY", allowedFunctionNames=["look", "hear"]),
            "tools": [{"functionDeclarations": [{**LOOK, "name": name} for name in ("look", "hear", "smell")]}],
        },
        held.choice_of_several,
    ),
    "tool_calls": always(history(), held.calls),
    "tool_results": always(history(), held.results),
    "tool_result_error": always(history({"error": "bad"}), held.failures),
    "tool_result_image": always(history(parts=[IMAGE]), held.images_of_results),
    "tool_result_document": always(history(parts=[{"inlineData": PDF}]), held.documents_of_results),
    "server_tools": always(say(tools=[{"googleSearch": {}}]), named="tools.googleSearch"),
    "server_tools_forced": always(
        {**chosen("ANY"), "tools": [{"googleSearch": {}}]}, named="toolConfig.functionCallingConfig.mode"
    ),
}
_HISTORY: Final[Examples] = {
    "thinking_unsigned": always(answered({"text": "Hm.", "thought": True}), held.thoughts),
    "thinking_signed": Example(lambda to: thought("Hm.", packed(held.travelling(to))), held.thoughts),
    "thinking_signed_elsewhere": always(thought("Hm.", "b3du"), held.thoughts),
    "thinking_redacted": Example(lambda to: thought("", packed(held.travelling_redacted(to))), held.thoughts),
    "thinking_redacted_elsewhere": always(
        answered({"text": "Well.", "thoughtSignature": "b3du"}),
        held.thoughts,
    ),
}
_ANSWER: Final[Examples] = {
    "json_schema": always(config(responseMimeType="application/json", responseJsonSchema=held.SCHEMA), held.schema),
    "json_object": always(config(responseMimeType="application/json"), lambda said: said.response_format is not None),
    "output_media": always(config(responseModalities=["TEXT", "IMAGE"]), named="generationConfig.responseModalities"),
    "stop": always(config(stopSequences=held.STOPS), held.sampling("stop")),
    "stop_above_5": always(config(stopSequences=held.MANY_STOPS), held.sampling("stop")),
    "stop_white_space": always(config(stopSequences=["\n\n"]), held.sampling("stop")),
    "seed": always(config(seed=7), held.sampling("seed")),
    "n": always(config(candidateCount=2), held.sampling("n")),
    "logprobs": always(config(responseLogprobs=True, logprobs=3), lambda said: said.logprobs),
    "presence_penalty": always(config(presencePenalty=0.5), held.sampling("presence_penalty")),
    "frequency_penalty": always(config(frequencyPenalty=0.5), held.sampling("frequency_penalty")),
    "temperature": always(config(temperature=0.5), held.sampling("temperature")),
    "temperature_above_1": always(config(temperature=1.5), held.sampling("temperature")),
    "top_p": always(config(topP=0.5), held.sampling("top_p")),
    "top_k": always(config(topK=5), held.sampling("top_k")),
    "max_tokens": always(config(maxOutputTokens=50), held.sampling("max_tokens")),
    "reasoning_effort": always(thinks(thinkingLevel="HIGH"), held.effort),
    "reasoning_effort_minimal": always(thinks(thinkingLevel="MINIMAL"), held.effort),
    "thinking_budget": always(thinks(thinkingBudget=2048), held.budget),
    "thinking_budget_below_1024": always(thinks(thinkingBudget=100), held.budget),
    "thinking_budget_above_bound": always(
        config(thinkingConfig={"thinkingBudget": 2048}, maxOutputTokens=1500), held.budget
    ),
    "thinking_budget_with_forced_call": always({**thinks(thinkingBudget=2048), **chosen("ANY")}, held.budget),
    "reasoning_off": always(thinks(thinkingBudget=0), held.off),
    "thoughts_shown": always(thinks(includeThoughts=True), held.shown),
}
_SETTINGS: Final[Examples] = {
    "service_tier_default": always(say(serviceTier="standard"), lambda said: said.service_tier),
    "service_tier": always(say(serviceTier="flex"), lambda said: said.service_tier),
    "store": always(say(store=True)),
    "stored_state": always(say(cachedContent="cachedContents/c1"), named="cachedContent"),
    "no_word_elsewhere": always(
        say(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]),
        named="safetySettings",
    ),
}
EXAMPLES: Final[Examples] = {**_CONTENT, **_TOOLS, **_HISTORY, **_ANSWER, **_SETTINGS}
