"""What the fake upstream answers where nothing is scripted: an echo that keeps the body's own limits.

The answer is `echo: <the last user text>`, so that a test can tell which request got which answer. `stop` and
`max_tokens` are honoured (a word is a token), and a forced tool choice calls its tool.
"""

from __future__ import annotations

from tests.support import upstream_gemini
from tests.support.upstream_answers import Reply, Tokens, ToolCall, words
from tests.support.upstream_wire import Received


def echo(request: Received) -> Reply:
    """The default answer to this request."""
    body = request.json if request.dialect != "gemini" else upstream_gemini.as_messages(request.json)
    tokens_in = sum(len(_text_of(message.get("content")).split()) for message in _messages(body))
    tokens_in += len(_text_of(body.get("system")).split())
    if name := _forced_tool(body):
        return Reply(
            tool_calls=(ToolCall(name, "{}", f"call_{request.number}"),),
            finish="tool_calls",
            tokens=Tokens(tokens_in or 1, 1),
        )
    said = words(f"echo: {last_user_text(body)}")
    text, hit = _stopped("".join(said), _stop_sequences(body))
    kept = words(text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(limit, int) and len(kept) > limit:
        return Reply("".join(kept[:limit]), finish="length", tokens=Tokens(tokens_in or 1, limit))
    return Reply(text, tokens=Tokens(tokens_in or 1, len(kept)), stop_sequence=hit)


def include_usage(request: Received) -> bool:
    """Whether an OpenAI stream was asked to tell its usage."""
    try:
        options = request.json.get("stream_options")
    except ValueError:
        return False
    return isinstance(options, dict) and options.get("include_usage") is True


def last_user_text(body: dict[str, object]) -> str:
    """The text of the last user message that has any."""
    for message in reversed(_messages(body)):
        if message.get("role") == "user" and (text := _text_of(message.get("content"))):
            return text
    return ""


def _messages(body: dict[str, object]) -> list[dict[str, object]]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return " ".join(text for text in texts if isinstance(text, str))


def _stop_sequences(body: dict[str, object]) -> list[str]:
    stop = body.get("stop", body.get("stop_sequences"))
    if isinstance(stop, str):
        return [stop]
    return [one for one in stop if isinstance(one, str)] if isinstance(stop, list) else []


def _stopped(text: str, sequences: list[str]) -> tuple[str, str | None]:
    """The text before the first stop sequence in it, and which one that was."""
    found = [(text.index(sequence), sequence) for sequence in sequences if sequence and sequence in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence


def _forced_tool(body: dict[str, object]) -> str | None:
    """The tool that the body says must be called."""
    choice = body.get("tool_choice")
    tools = body.get("tools")
    if not isinstance(tools, list) or not tools:
        return None
    first = tools[0].get("function", tools[0])["name"]
    if choice == "required":
        return str(first)
    if not isinstance(choice, dict):
        return None
    if choice.get("type") == "any":
        return str(first)
    named = choice.get("function", choice)
    return str(named["name"]) if choice.get("type") in ("function", "tool") else None
