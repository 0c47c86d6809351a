"""Anthropic's messages as a caller writes and reads them, and as a provider reads them."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.talk import PNG, Counted, Heard, Say, Talk, arguments
from tests.support.upstream_answers import ToolCall

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def write(talk: Talk) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": "asked",
        "max_tokens": talk.max_tokens,
        "messages": [{"role": say.role, "content": _content(say)} for say in talk.says],
    }
    if talk.system:
        body["system"] = talk.system
    if talk.tools:
        body["tools"] = [{"name": name, "input_schema": arguments(name)} for name in talk.tools]
    if talk.stop:
        body["stop_sequences"] = list(talk.stop)
    if talk.stream:
        body["stream"] = True
    return body | talk.extra


def _content(say: Say) -> str | list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": call_id, "content": text} for call_id, text in say.results
    ]
    if say.text:
        blocks.append({"type": "text", "text": say.text})
    if say.image == "png":
        blocks.append({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}})
    elif say.image:
        blocks.append({"type": "image", "source": {"type": "url", "url": say.image}})
    for call in say.calls:
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)})
    return say.text if len(blocks) == 1 and say.text else blocks


def understand(body: dict[str, Any]) -> Talk:
    """What a provider reads in a request."""
    return Talk(
        tuple(_say(message) for message in body["messages"]),
        system=_text(body.get("system", "")),
        tools=tuple(tool["name"] for tool in body.get("tools", ())),
        stop=tuple(body.get("stop_sequences", ())),
        max_tokens=body["max_tokens"],
        stream=body.get("stream", False),
    )


def temperature(body: dict[str, Any]) -> object:
    return body["temperature"]


def _say(message: dict[str, Any]) -> Say:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    image = ""
    for block in blocks:
        if block["type"] == "image":
            source = block["source"]
            image = source["url"] if source["type"] == "url" else "png" if source["data"] == PNG else "?"
    return Say(
        message["role"],
        _text(blocks),
        image=image,
        calls=tuple(_call(block) for block in blocks if block["type"] == "tool_use"),
        results=tuple(
            (block["tool_use_id"], _text(block["content"])) for block in blocks if block["type"] == "tool_result"
        ),
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")


def _call(block: dict[str, Any]) -> ToolCall:
    return ToolCall(block["name"], json.dumps(block["input"], separators=(",", ":")), block["id"])


def read(body: bytes) -> Heard:
    answer = json.loads(body)
    assert answer["type"] == "message" and answer["role"] == "assistant" and answer["id"] and answer["model"]
    calls = tuple(_call(block) for block in answer["content"] if block["type"] == "tool_use")
    return Heard(_text(answer["content"]), calls, FINISH[answer["stop_reason"]], _counted(answer["usage"]))


def fold(sse: bytes) -> Heard:
    """A streamed answer, whole. Every event has its name, blocks do not interleave, the last is message_stop."""
    events = [_event(event) for event in sse.decode().split("\n\n") if event]
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
    usage = dict(events[0]["message"]["usage"])
    blocks: list[dict[str, Any]] = []
    finish, is_open = "", False
    for event in events:
        if event["type"] == "content_block_start":
            assert not is_open and event["index"] == len(blocks)
            is_open = True
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_stop":
            assert is_open and event["index"] == len(blocks) - 1
            is_open = False
        elif event["type"] == "content_block_delta":
            assert is_open and event["index"] == len(blocks) - 1
            blocks[-1]["json"] += event["delta"].get("partial_json", "")
            blocks[-1]["text"] = blocks[-1].get("text", "") + event["delta"].get("text", "")
        elif event["type"] == "message_delta":
            assert not is_open
            finish = FINISH[event["delta"]["stop_reason"]]
            usage |= event["usage"]
    calls = tuple(
        ToolCall(block["name"], block["json"] or "{}", block["id"]) for block in blocks if block["type"] == "tool_use"
    )
    return Heard(_text(blocks), calls, finish, _counted(usage))


def _event(text: str) -> dict[str, Any]:
    name, data = text.split("\n")
    event: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {event['type']}"
    return event


def _counted(usage: dict[str, Any]) -> Counted:
    cached = usage.get("cache_read_input_tokens") or 0
    fresh = usage["input_tokens"] + (usage.get("cache_creation_input_tokens") or 0)
    return Counted(fresh + cached, usage["output_tokens"], cached)
