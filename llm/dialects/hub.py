"""The hub: what adapters and doors use of the dialects.

Where caller and provider speak the same dialect, bytes pass through and only the little that the gateway needs is
read. Elsewhere everything goes through `neutral`: N + M mappings, not N x M.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from llm.dialects import anthropic_messages, gemini, openai_chat, openai_completions, openai_responses, signatures
from llm.dialects.codec import StreamCodec, relay_codec, translating_codec
from llm.dialects.features import callers_word
from llm.dialects.grammar import CallerSide, Grammar, Outside, random_id
from llm.errors import GatewayError, InvalidRequest, UpstreamError
from llm.spec import Dialect, Request, Result, StreamSummary

__all__ = [
    "StreamCodec",
    "open_stream",
    "passed_through",
    "passthrough_request",
    "read_result",
    "render_error",
    "render_stream_error",
    "said_by",
    "translate_request",
    "upstream_error",
    "wants_usage",
]

GRAMMARS: Final[Mapping[Dialect, Grammar]] = {
    "openai_chat": openai_chat.GRAMMAR,
    "openai_responses": openai_responses.GRAMMAR,
    "anthropic_messages": anthropic_messages.GRAMMAR,
    "gemini": gemini.GRAMMAR,
}
"""The dialects that requests are translated to."""

CALLERS: Final[Mapping[Dialect, CallerSide]] = {
    **GRAMMARS,
    "openai_completions": openai_completions.CALLER_SIDE,
}
"""The dialects that callers speak."""

NOTHING_ASKED: Final[Mapping[str, msgspec.Raw]] = {}


def passthrough_request(request: Request, *, model: str) -> dict[str, msgspec.Raw | object]:
    """The body for a provider of the caller's own dialect: all fields as they came, but `model` and, for streams of
    OpenAI's chat and completions, `stream_options`. InvalidRequest where `stream_options` is no object."""
    body = CALLERS[request.dialect].upstream_body(request)
    body["model"] = model
    return body


def translate_request(
    request: Request, to: Dialect, *, model: str, default_max_tokens: int | None
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The body for a provider of another dialect (`to` is one of GRAMMARS), and the names of the features that were
    dropped, in order.

    `default_max_tokens` bounds an answer that the caller did not bound. Values may be msgspec.Raw: encode the body
    with msgspec. InvalidRequest with `param` where the caller's body has wrong types, or asks for what `to` cannot
    say and what must not be left out silently.
    """
    conversation = CALLERS[request.dialect].read_request(request)
    try:
        body, dropped = GRAMMARS[to].write_request(conversation, default_max_tokens=default_max_tokens)
    except InvalidRequest as error:
        raise _in_callers_words(error, request.dialect) from error
    named = (callers_word(request.dialect, name) for name in dropped)
    return {"model": model, **body, "stream": request.stream}, tuple(dict.fromkeys((*conversation.lost, *named)))


def _in_callers_words(error: InvalidRequest, caller: Dialect) -> InvalidRequest:
    """A `RequestWriter` says the hub's name of the field, first thing in its message; a caller reads its own."""
    name = error.param or ""
    word = callers_word(caller, name)
    return InvalidRequest(word + error.message.removeprefix(name), param=word) if word != name else error


def wants_usage(request: Request) -> bool:
    """Did the caller ask for the usage of a stream? For `include_usage` of `open_stream`. InvalidRequest where the
    field that says so has a wrong type."""
    return CALLERS[request.dialect].wants_usage(request)


def passed_through(body: bytes, dialect: Dialect) -> Result:
    """`read_result` within one dialect."""
    usage, reason = CALLERS[dialect].inspect_answer(body)
    if body.find(signatures.MARKED) >= 0:
        body = signatures.marked_again(body, dialect)
    return Result(body, usage, reason)


def read_result(
    body: bytes,
    *,
    upstream: Dialect,
    caller: Dialect,
    model: str,
    asked: Mapping[str, msgspec.Raw] = NOTHING_ASKED,
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = random_id,
) -> Result:
    """A provider's whole 2xx answer for the caller; `body` stays byte for byte within one dialect, but for marks
    of signatures (see `signatures`).

    `model` stands in a translated answer whose provider names none; `asked` are the caller's `Request.fields`, which
    some dialects repeat in their answers. UpstreamMalformed where the body is no answer,
    another UpstreamError where it is an error after all (some providers answer errors with 200).
    """
    if upstream == caller:
        return passed_through(body, caller)
    outside = Outside(model=model, clock=clock, new_id=new_id, asked=asked)
    answer = GRAMMARS[upstream].read_answer(body, outside)
    rendered = CALLERS[caller].write_answer(answer, outside)
    return Result(body=rendered, usage=answer.usage, finish_reason=answer.finish_reason)


def open_stream(
    *,
    upstream: Dialect,
    caller: Dialect,
    include_usage: bool,
    model: str,
    summary: StreamSummary,
    asked: Mapping[str, msgspec.Raw] = NOTHING_ASKED,
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = random_id,
) -> StreamCodec:
    """The codec of one stream. Feed it the upstream's bytes until they end or it is `complete`, then call `end`.

    Bytes that come after `complete` do not count, but reading them to their end lets the connection be used again.
    `summary` is kept up to date while feeding. `include_usage`: see `wants_usage`; `asked`: see
    `read_result`.
    """
    if upstream == caller:
        return relay_codec(CALLERS[caller].relay(summary, include_usage), caller, summary)
    outside = Outside(model=model, clock=clock, new_id=new_id, asked=asked)
    reader = GRAMMARS[upstream].reader(summary, outside)
    return translating_codec(reader, CALLERS[caller].writer(outside, include_usage), upstream, summary)


def said_by(dialect: Dialect) -> Callable[[bytes], int | None]:
    """Reads how many characters of an answer the data of one event holds; None: it says nothing of the answer yet."""
    return CALLERS[dialect].said


def upstream_error(
    dialect: Dialect,
    *,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: Callable[[], float] = time.time,
) -> UpstreamError:
    """A provider's answer that is not 2xx. `headers` have lower-case names; `body` may be anything, HTML too.

    Only a refusal of the request itself (400, 404, 413, 422) keeps the provider's words.
    """
    return CALLERS[dialect].upstream_error(status, headers, body, now)


def render_error(dialect: Dialect, error: GatewayError, request_id: str) -> bytes:
    """The JSON envelope; the status is `error.status`, or `error.anthropic_status` on Anthropic paths."""
    return CALLERS[dialect].write_error(error, request_id)


def render_stream_error(dialect: Dialect, error: GatewayError, request_id: str, *, after: bytes = b"") -> bytes:
    """The error as an event of a stream that has begun; nothing may follow it. `after` is the last piece that the
    stream gave: some dialects number their events."""
    return CALLERS[dialect].write_stream_error(error, request_id, after)
