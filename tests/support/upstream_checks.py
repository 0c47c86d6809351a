"""What a real provider refuses: keys, versions, unknown models, and bodies that break the dialect's rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tests.support import upstream_gemini as gemini
from tests.support.upstream_wire import GEMINI, Received


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    message: str
    code: str | None = None


def key_of(request: Received) -> str | None:
    """The key that the request carries: Bearer everywhere, x-api-key on Anthropic's paths too, api-key on Azure's,
    at Gemini x-goog-api-key only."""
    if request.dialect == "gemini":
        return request.headers.get("x-goog-api-key")
    if request.dialect == "anthropic_messages" and (key := request.headers.get("x-api-key")):
        return key
    if request.path.startswith("/openai/deployments/") and (key := request.headers.get("api-key")):
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def check_key(request: Received, keys: Collection[str] | None) -> Refusal | None:
    """`keys` None: no key is needed."""
    if keys is None or key_of(request) in keys:
        return None
    if request.dialect == "openai_chat":
        return Refusal(401, "Incorrect API key provided.", "invalid_api_key")
    if request.dialect == "gemini":
        return Refusal(400, "API key not valid. Please pass a valid API key.", gemini.BAD_KEY)
    return Refusal(401, "invalid x-api-key")


def check_body(request: Received, models: Collection[str] | None) -> Refusal | None:
    """The first rule of the dialect that the body breaks."""
    try:
        body = request.json
    except ValueError:
        return Refusal(400, "We could not parse the JSON body of your request.")
    if not request.headers.get("content-type", "").startswith("application/json"):
        return Refusal(400, "The content type must be application/json.")
    for message in _broken_rules(request, body):
        return Refusal(400, message)
    if models is not None and request.model not in models:
        return Refusal(404, f"The model `{request.model}` does not exist.", "model_not_found")
    return None


def _broken_rules(request: Received, body: Mapping[str, object]) -> Iterator[str]:
    if (found := GEMINI.fullmatch(request.path)) is not None:
        yield from gemini.rules(body, found["verb"], request.query)
        return
    yield from _shared_rules(body)
    yield from (_openai_rules if request.dialect == "openai_chat" else _anthropic_rules)(body, request.headers)


def _shared_rules(body: Mapping[str, object]) -> Iterator[str]:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
    elif not all(isinstance(message, dict) for message in messages):
        yield "messages: each must be an object"
    if not isinstance(body.get("stream", False), bool | None):
        yield "stream: must be a boolean"


def _openai_rules(body: Mapping[str, object], headers: Mapping[str, str]) -> Iterator[str]:
    if "stream_options" in body and body.get("stream") is not True:
        yield "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    for name in ("system", "stop_sequences", "top_k", "thinking"):
        if name in body:
            yield f"Unrecognized request argument supplied: {name}"
    owed: set[object] = set()
    for index, message in enumerate(_messages(body)):
        role = message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool", "function"):
            yield f"Invalid value: '{role}' for messages[{index}].role"
        if role == "tool":
            if message.get("tool_call_id") not in owed:
                yield "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            owed.discard(message.get("tool_call_id"))
            continue
        if owed:
            yield "An assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id'."
        owed = {call["id"] for call in _objects(message.get("tool_calls"))}


def _anthropic_rules(body: Mapping[str, object], headers: Mapping[str, str]) -> Iterator[str]:
    if "anthropic-version" not in headers:
        yield "anthropic-version: header is required"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        yield "max_tokens: Field required"
    for name in ("stop", "n", "response_format", "stream_options", "logprobs", "seed", "max_completion_tokens"):
        if name in body:
            yield f"{name}: Extra inputs are not permitted"
    messages = _messages(body)
    if messages and messages[0].get("role") != "user":
        yield "messages: first message must use the user role"
    for index, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            yield f"messages.{index}.role: Input should be 'user' or 'assistant'"
        yield from _anthropic_content(index, message.get("content"))
    yield from _anthropic_tool_turns(messages)


def _anthropic_content(index: int, content: object) -> Iterator[str]:
    if not isinstance(content, str | list) or not content:
        yield f"messages.{index}: all messages must have non-empty content"
    for block in _objects(content):
        if block.get("type") == "text" and not block.get("text"):
            yield "messages: text content blocks must be non-empty"
        if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
            yield f"messages.{index}.content: tool_use.input: Input should be an object"


def _anthropic_tool_turns(messages: list[dict[str, object]]) -> Iterator[str]:
    """Each tool_use has its tool_result at the head of the next message, and no result is without its use."""
    owed: set[object] = set()
    for index, message in enumerate(messages):
        blocks = _objects(message.get("content"))
        kinds = [block.get("type") for block in blocks]
        results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        if any(result not in owed for result in results):
            yield f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks"
        if owed - set(results):
            yield f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after"
        if results and kinds[: len(results)] != ["tool_result"] * len(results):
            yield f"messages.{index}: `tool_result` blocks must come first"
        owed = {block.get("id") for block in blocks if block.get("type") == "tool_use"}
    if owed:
        yield "messages: the last `tool_use` has no `tool_result`"


def _messages(body: Mapping[str, object]) -> list[dict[str, object]]:
    return _objects(body.get("messages"))


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
