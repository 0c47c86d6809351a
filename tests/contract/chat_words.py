"""OpenAI's chat completions as a caller writes and reads them, and as a provider reads them."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.talk import PNG, Counted, Heard, Say, Talk, arguments
from tests.support.upstream_answers import ToolCall

INLINE = f"data:image/png;base64,{PNG}"


def write(talk: Talk) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": talk.system}] if talk.system else []
    for say in talk.says:
        messages += [{"role": "tool", "tool_call_id": call_id, "content": text} for call_id, text in say.results]
        if not say.results:
            messages.append(_message(say))
    body: dict[str, Any] = {"model": "asked", "messages": messages, "max_tokens": talk.max_tokens}
    if talk.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": name, "parameters": arguments(name)}} for name in talk.tools
        ]
    if talk.stop:
        body["stop"] = list(talk.stop)
    if talk.stream:
        body["stream"] = True
    if talk.wants_usage:
        body["stream_options"] = {"include_usage": True}
    return body | talk.extra


def _message(say: Say) -> dict[str, Any]:
    if say.calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in say.calls
        ]
        return {"role": say.role, "content": say.text or None, "tool_calls": calls}
    if say.image:
        url = INLINE if say.image == "png" else say.image
        image = {"type": "image_url", "image_url": {"url": url}}
        return {"role": say.role, "content": [{"type": "text", "text": say.text}, image]}
    return {"role": say.role, "content": say.text}


def understand(body: dict[str, Any]) -> Talk:
    """What a provider reads in a request."""
    says: list[Say] = []
    system = ""
    for message in body["messages"]:
        if message["role"] == "system":
            system += _text(message["content"])
        elif message["role"] == "tool":
            result = (message["tool_call_id"], _text(message["content"]))
            if says and says[-1].results:
                says[-1] = Say("user", results=(*says[-1].results, result))
            else:
                says.append(Say("user", results=(result,)))
        else:
            says.append(_say(message))
    stop = body.get("stop") or ()
    return Talk(
        tuple(says),
        system=system,
        tools=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stream=body.get("stream", False),
    )


def temperature(body: dict[str, Any]) -> object:
    return body["temperature"]


def _say(message: dict[str, Any]) -> Say:
    content = message.get("content") or ""
    images = (
        [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        if content != "" and isinstance(content, list)
        else []
    )
    image = images[0] if images else ""
    return Say(
        message["role"],
        _text(content),
        image="png" if image == INLINE else image,
        calls=tuple(_call(call) for call in message.get("tool_calls") or ()),
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if part["type"] == "text")


def _call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(call["function"]["name"], call["function"]["arguments"], call["id"])


def read(body: bytes) -> Heard:
    answer = json.loads(body)
    assert answer["object"] == "chat.completion" and answer["id"] and answer["created"] and answer["model"]
    choice = answer["choices"][0]
    calls = tuple(_call(call) for call in choice["message"].get("tool_calls") or ())
    return Heard(choice["message"]["content"] or "", calls, choice["finish_reason"], _counted(answer["usage"]))


def fold(sse: bytes) -> Heard:
    """A streamed answer, whole. Every event must be a chunk, the last one [DONE]."""
    *events, last = [event for event in sse.decode().split("\n\n") if event and not event.startswith(":")]
    assert last == "data: [DONE]", last
    text, finish, usage = "", "", None
    calls: dict[int, ToolCall] = {}
    for event in events:
        chunk = json.loads(event.removeprefix("data: "))
        assert chunk["object"] == "chat.completion.chunk" and chunk["id"] and chunk["model"]
        if not chunk["choices"]:
            usage = _counted(chunk["usage"])
            continue
        assert usage is None, "nothing comes behind the usage"
        choice = chunk["choices"][0]
        text += choice["delta"].get("content") or ""
        finish = choice["finish_reason"] or finish
        for part in choice["delta"].get("tool_calls") or ():
            known = calls.get(part["index"], ToolCall("", "", ""))
            function = part["function"]
            calls[part["index"]] = ToolCall(
                function.get("name") or known.name,
                known.arguments + (function.get("arguments") or ""),
                part.get("id") or known.id,
            )
    return Heard(text, tuple(calls[index] for index in sorted(calls)), finish, usage)


def _counted(usage: dict[str, Any]) -> Counted:
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Counted(usage["prompt_tokens"], usage["completion_tokens"], cached)
