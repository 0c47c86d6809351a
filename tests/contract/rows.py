"""The kinds under contract, as rows. A new kind is one more row; what it cannot do has a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llm.spec import Dialect

NO_NETWORK = "it has no network: there is no provider that could see the request, refuse it or fail"
NO_MODEL = "it only repeats: it calls no tools and its usage is a count of words"

ECHO_CANNOT = {
    **dict.fromkeys(
        (
            "system",
            "multi_turn",
            "tool_results",
            "image_inline",
            "image_by_url",
            "unknown_fields_survive",
            "answer_is_byte_for_byte",
            "parameters_fill_what_is_left_out",
            "path_and_key",
            "operators_headers",
            "connection_is_used_again",
            "leaving_early_cancels",
            "request_refused",
            "model_unknown",
            "too_large",
            "key_refused",
            "rate_limited",
            "server_error",
            "overloaded",
            "html_instead",
            "garbage_instead",
            "cut_body",
            "reset_before_answer",
            "silent",
            "stream_stalls",
            "compressed_answer",
            "cancelling_cancels",
            "recorded_answers",
            "redirected",
            "refusals_keep_secrets",
            "no_event_stream",
            "stream_refused",
            "stream_cut",
            "stream_malformed",
            "stream_error_inside",
            "stream_error_keeps_secrets",
            "stream_without_its_mark",
            "stream_without_its_mark_stalls",
            "stream_begins_before_it_ends",
        ),
        NO_NETWORK,
    ),
    **dict.fromkeys(("tools_called_in_parallel", "stream_tools", "cached_usage", "stream_cached_usage"), NO_MODEL),
}


@dataclass(frozen=True)
class Row:
    """`base` goes behind the fake upstream's URL, `fixtures` is the folder of recorded answers; `stream_path`, where
    streams have a path of their own; `cannot`: scenario -> reason."""

    kind: str
    dialect: Dialect
    path: str = ""
    stream_path: str = ""
    base: str = ""
    fixtures: str = ""
    key_header: str = ""
    key_prefix: str = ""
    needs_upstream: bool = True
    cannot: Mapping[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> set[str]:
        return {self.path, self.stream_path or self.path}


_CHAT = {"path": "/v1/chat/completions", "base": "/v1", "key_header": "authorization", "key_prefix": "Bearer "}

ROWS = (
    Row("openai", "openai_chat", fixtures="openai", **_CHAT),
    Row("openai_compatible", "openai_chat", fixtures="openai", **_CHAT),
    Row("anthropic", "anthropic_messages", path="/v1/messages", fixtures="anthropic", key_header="x-api-key"),
    Row(
        "azure_openai",
        "openai_chat",
        path="/openai/deployments/served/chat/completions",
        fixtures="openai",
        key_header="api-key",
    ),
    Row(
        "gemini",
        "gemini",
        path="/v1beta/models/served:generateContent",
        stream_path="/v1beta/models/served:streamGenerateContent",
        fixtures="gemini",
        key_header="x-goog-api-key",
    ),
    Row("echo", "openai_chat", needs_upstream=False, cannot=ECHO_CANNOT),
)
