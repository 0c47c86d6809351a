"""Gemini's side of the fake upstream: what it says, whole and streamed, what it reads in a request, what it refuses.

https://ai.google.dev/api/generate-content. Pure: no I/O, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.upstream_answers import Reply, Tokens

VERBS = ("generateContent", "streamGenerateContent", "batchEmbedContents")
BAD_KEY = "API_KEY_INVALID"
_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TYPES = "type.googleapis.com/google.rpc."
# What the other dialects call things; Google refuses every name that it does not know.
_FOREIGN = ("model", "messages", "stream", "system", "max_tokens", "temperature", "top_p", "stop", "tool_choice", "n")
_CONFIG = {
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseJsonSchema",
    "thinkingConfig",
}
_PARTS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")


def body(reply: Reply, number: int, model: str) -> dict[str, object]:
    parts: list[object] = [{"text": reply.text}] if reply.text else []
    parts += _calls(reply)
    return _response(parts, reply.tokens, number, model, finish=reply.finish)


def events(reply: Reply, pieces: Sequence[str], number: int, model: str) -> Iterator[dict[str, object]]:
    """The pieces are those of the text. A call comes whole; the last event has the finish reason."""
    begun = type(reply.tokens)(reply.tokens.input, 0, reply.tokens.cached)
    yield _response([{"text": ""}], begun, number, model)
    for part in [*({"text": piece} for piece in pieces), *_calls(reply)]:
        yield _response([part], begun, number, model)
    yield _response([{"text": ""}], reply.tokens, number, model, finish=reply.finish)


def _calls(reply: Reply) -> list[object]:
    return [
        {"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}}
        for call in reply.tool_calls
    ]


def _response(
    parts: list[object], tokens: Tokens, number: int, model: str, *, finish: str | None = None
) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate |= {"finishReason": _FINISH.get(finish, finish), "avgLogprobs": -0.25}
    usage = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.input}],
    }
    if tokens.cached:
        usage["cachedContentTokenCount"] = tokens.cached
    if tokens.reasoning:
        usage["thoughtsTokenCount"] = tokens.reasoning
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": f"resp-{number:012d}",
    }


def error_body(status: int, message: str, *, code: str | None, retry_after: str | None) -> dict[str, object]:
    """Google says how long to wait in the body, and why a key is refused."""
    error: dict[str, object] = {"code": status, "message": message, "status": _STATUS.get(status, "INTERNAL")}
    details = []
    if code is not None:
        details.append({"@type": _TYPES + "ErrorInfo", "reason": code, "domain": "googleapis.com"})
    if retry_after is not None:
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{retry_after}s"})
    return {"error": error | ({"details": details} if details else {})}


def as_messages(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A request in the words that the echo reads."""
    config = asked.get("generationConfig", {})
    calling = asked.get("toolConfig", {}).get("functionCallingConfig", {})
    names = calling.get("allowedFunctionNames")
    choice = {"type": "tool", "name": names[0]} if names else {"type": "any"}
    return {
        "messages": [{"role": one.get("role", "user"), "content": _texts(one)} for one in asked.get("contents", ())],
        "system": _texts(asked.get("systemInstruction", {})),
        "stop": config.get("stopSequences", []),
        "max_tokens": config.get("maxOutputTokens"),
        "tools": [one for tool in asked.get("tools", ()) for one in tool.get("functionDeclarations", ())],
        "tool_choice": choice if calling.get("mode") == "ANY" else None,
    }


def _texts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": part["text"]} for part in content.get("parts", ()) if "text" in part]


def rules(asked: Mapping[str, Any], verb: str, query: str) -> Iterator[str]:
    """What Google would refuse in this request."""
    if verb == "batchEmbedContents":
        yield from _embedding_rules(asked)
        return
    if verb == "streamGenerateContent" and query != "alt=sse":
        yield "a stream must be asked for as events: alt=sse"
    for name in _FOREIGN:
        if name in asked:
            yield f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    config = asked.get("generationConfig", {})
    if not isinstance(config, dict):
        yield "Invalid value at 'generation_config'"
        return
    for name in sorted(set(config) - _CONFIG):
        yield f"Invalid JSON payload received. Unknown name \"{name}\" at 'generation_config': Cannot find field."
    contents = asked.get("contents")
    if not isinstance(contents, list) or not contents:
        yield "* GenerateContentRequest.contents: contents is not specified"
        return
    yield from _content_rules(contents)


def _content_rules(contents: list[dict[str, Any]]) -> Iterator[str]:
    """The results of a turn's calls stand all in the content behind it."""
    called: list[str] = []
    for place, content in enumerate(contents):
        if content.get("role") not in ("user", "model"):
            yield "Please use a valid role: user, model."
        parts = content.get("parts")
        if not parts:
            yield f"* GenerateContentRequest.contents[{place}].parts: contents.parts must not be empty."
        for part in parts or ():
            if sum(kind in part for kind in _PARTS) != 1:
                yield f"* GenerateContentRequest.contents[{place}].parts: must have one initialized field"
        answered = [part["functionResponse"]["name"] for part in parts or () if "functionResponse" in part]
        if sorted(answered) != sorted(called):
            yield "the number of function response parts must be equal to the function call parts of the call turn"
        called = [part["functionCall"]["name"] for part in parts or () if "functionCall" in part]
    if called:
        yield "a function call turn must be followed by its function responses"


def _embedding_rules(asked: Mapping[str, Any]) -> Iterator[str]:
    requests = asked.get("requests")
    if not requests:
        yield "* BatchEmbedContentsRequest.requests: at least one request is required"
    for one in requests or ():
        if not str(one.get("model", "")).startswith("models/"):
            yield "* BatchEmbedContentsRequest.requests: unexpected model name format"
        if not [part["text"] for part in one.get("content", {}).get("parts", ()) if part.get("text")]:
            yield "* BatchEmbedContentsRequest.requests: content is empty"
