"""Gemini's generateContent as a caller writes and reads it, and as a provider reads it."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.talk import PNG, Counted, Heard, Say, Talk, arguments
from tests.support.upstream_answers import ToolCall

FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


def write(talk: Talk) -> dict[str, Any]:
    names = {call.id: call.name for say in talk.says for call in say.calls}
    config: dict[str, Any] = {"maxOutputTokens": talk.max_tokens}
    body: dict[str, Any] = {"contents": [_content(say, names) for say in talk.says], "generationConfig": config}
    if talk.system:
        body["systemInstruction"] = {"parts": [{"text": talk.system}]}
    if talk.tools:
        declared = [{"name": name, "parametersJsonSchema": arguments(name)} for name in talk.tools]
        body["tools"] = [{"functionDeclarations": declared}]
    if talk.stop:
        config["stopSequences"] = list(talk.stop)
    if "temperature" in talk.extra:
        config["temperature"] = talk.extra["temperature"]
    return body | {name: value for name, value in talk.extra.items() if name != "temperature"}


def _content(say: Say, names: dict[str, str]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"functionResponse": {"id": call_id, "name": names[call_id], "response": {"result": text}}}
        for call_id, text in say.results
    ]
    if say.text:
        parts.append({"text": say.text})
    if say.image == "png":
        parts.append({"inlineData": {"mimeType": "image/png", "data": PNG}})
    elif say.image:
        parts.append({"fileData": {"mimeType": "image/png", "fileUri": say.image}})
    for call in say.calls:
        parts.append({"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}})
    return {"role": "model" if say.role == "assistant" else say.role, "parts": parts}


def understand(body: dict[str, Any]) -> Talk:
    """What a provider reads in a request."""
    config = body.get("generationConfig", {})
    return Talk(
        tuple(_say(content) for content in body["contents"]),
        system=_text(body.get("systemInstruction", {}).get("parts", ())),
        tools=tuple(one["name"] for tool in body.get("tools", ()) for one in tool["functionDeclarations"]),
        stop=tuple(config.get("stopSequences", ())),
        max_tokens=config["maxOutputTokens"],
    )


def temperature(body: dict[str, Any]) -> object:
    return body["generationConfig"]["temperature"]


def _say(content: dict[str, Any]) -> Say:
    image = ""
    results = []
    for part in content["parts"]:
        if "inlineData" in part:
            image = "png" if part["inlineData"] == {"mimeType": "image/png", "data": PNG} else "?"
        elif "fileData" in part:
            image = part["fileData"]["fileUri"]
        elif "functionResponse" in part:
            results.append((part["functionResponse"]["id"], part["functionResponse"]["response"]["result"]))
    return Say(
        "assistant" if content["role"] == "model" else content["role"],
        _text(content["parts"]),
        image=image,
        calls=_calls(content["parts"]),
        results=tuple(results),
    )


def _text(parts: Any) -> str:
    return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def _calls(parts: Any) -> tuple[ToolCall, ...]:
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    return tuple(ToolCall(call["name"], json.dumps(call["args"], separators=(",", ":")), call["id"]) for call in calls)


def read(body: bytes) -> Heard:
    return _heard([json.loads(body)])


def fold(sse: bytes) -> Heard:
    """A streamed answer, whole. Every event is a response; the last one that has a candidate has the finish reason."""
    events = sse.decode().replace("\r\n", "\n").split("\n\n")
    return _heard([json.loads(event.removeprefix("data: ")) for event in events if event])


def _heard(responses: list[dict[str, Any]]) -> Heard:
    assert all(response["modelVersion"] and response["responseId"] for response in responses)
    candidates = [candidate for response in responses for candidate in response.get("candidates", ())]
    assert all(candidate.get("index", 0) == 0 for candidate in candidates)
    reasons = [candidate.get("finishReason") for candidate in candidates]
    assert reasons[-1] and not any(reasons[:-1]), reasons
    parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
    calls = _calls(parts)
    finish = FINISH[reasons[-1]]
    usage = responses[-1]["usageMetadata"]
    return Heard(_text(parts), calls, "tool_calls" if calls and finish == "stop" else finish, _counted(usage))


def _counted(usage: dict[str, Any]) -> Counted:
    output = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + output
    return Counted(usage["promptTokenCount"], output, usage.get("cachedContentTokenCount", 0))
