"""A known set of calls and providers, and what the start page must say of them."""

from __future__ import annotations

from datetime import timedelta

from audit import call_store
from providers import services
from providers.models import Provider
from tests.support.made_calls import call

MINUTES, HOURS, DAYS = timedelta(minutes=10), timedelta(hours=3), timedelta(days=3)
GPT = {"provider": "openai", "model": "gpt-4o"}
CLAUDE = {"provider": "anthropic", "model": "claude-sonnet-4-5", "latency_ms": 2000.0}
KEY = "sk-a-key-of-the-suite-0123456789"


def store_known_calls() -> None:
    """Four within the hour, five more within the day, two more within the week, one before it."""
    streamed = {"stream": True, "time_to_first_token_ms": 30.0, "input_tokens": 1000, "output_tokens": 200}
    limited = {"status": "failed", "http_status": 429, "error_code": "rate_limit_exceeded"}
    broken = {"status": "failed", "http_status": 502, "error_code": "upstream_error"}
    unknown = {"status": "failed", "http_status": 404, "error_code": "model_not_found", "requested_model": "no-such"}
    call_store.insert(
        [
            *(call(MINUTES, **GPT, **streamed) for _ in range(3)),
            call(MINUTES, **GPT, **limited, requested_model="fast"),
            *(call(HOURS, **CLAUDE, input_tokens=500, output_tokens=500) for _ in range(4)),
            call(HOURS, **CLAUDE, status="cancelled", http_status=499),
            call(DAYS, provider="openai", model="gpt-4o-mini", **broken),
            call(DAYS + MINUTES, **unknown, latency_ms=1.0),
            call(timedelta(days=9), **GPT, input_tokens=10**6),
        ]
    )


def make_providers() -> dict[str, Provider]:
    """One of each state; openai and anthropic have the known calls."""
    made = {}
    for name, kind, fields in (
        ("openai", "openai", {"api_key": {"key_value": KEY}}),
        ("anthropic", "anthropic", {"api_key": {"key_value": KEY, "enabled": False}}),
        ("mistral", "openai", {"api_key": {"key_value": KEY}, "enabled": False}),
        ("echo", "echo", {}),
        ("empty", "openai", {"api_key": {"key_value": KEY}, "models": []}),
        ("unkeyed", "openai", {}),
    ):
        fields = {"models": [{"model_id": "m"}], **fields}
        made[name] = services.create_provider(provider_id=name, provider_type=kind, **fields)
    return made


# Quantiles are spread evenly within their bucket: 100 ms lies in (70, 100], 2,000 in (1500, 2000], 30 in (20, 30].
TOTALS = {
    "1h": {
        "Calls": ("4", "0 cancelled"),
        "Success rate": ("75.0 %", "1 failed"),
        "Latency p50": ("85 ms", "half are faster"),
        "Latency p95": ("98 ms", "19 of 20 are faster"),
        "Time to first token": ("25 ms", "p50 of streams"),
        "Tokens": ("3,600", "600 output"),
    },
    "24h": {
        "Calls": ("9", "1 cancelled"),
        "Success rate": ("87.5 %", "1 failed"),
        "Latency p50": ("1,550 ms", "half are faster"),
        "Latency p95": ("1,955 ms", "19 of 20 are faster"),
        "Time to first token": ("25 ms", "p50 of streams"),
        "Tokens": ("7,600", "2,600 output"),
    },
    "7d": {
        "Calls": ("11", "1 cancelled"),
        "Success rate": ("70.0 %", "3 failed"),
        "Latency p50": ("97 ms", "half are faster"),
        "Latency p95": ("1,945 ms", "19 of 20 are faster"),
        "Time to first token": ("25 ms", "p50 of streams"),
        "Tokens": ("7,600", "2,600 output"),
    },
}
NONE = ["0", "–", "–", "–", "–", "0", "never"]
OPENAI_DAY = ["4", "75.0 %", "85 ms", "98 ms", "25 ms", "3,600", "10 minutes ago"]
CLAUDE_DAY = ["5", "100 %", "1,750 ms", "1,975 ms", "–", "4,000", "3 hours ago"]
PROVIDERS = {
    "1h": {"openai": OPENAI_DAY, "anthropic": NONE},
    "24h": {"openai": OPENAI_DAY, "anthropic": CLAUDE_DAY},
    "7d": {"openai": ["5", "60.0 %", "85 ms", "98 ms", "25 ms", "3,600", "10 minutes ago"], "anthropic": CLAUDE_DAY},
}
GPT_LINE = ["gpt-4o", "openai", *OPENAI_DAY[:-1]]
CLAUDE_LINE = ["claude-sonnet-4-5", "anthropic", *CLAUDE_DAY[:-1]]
MODELS = {
    "1h": [GPT_LINE],
    "24h": [CLAUDE_LINE, GPT_LINE],
    "7d": [CLAUDE_LINE, GPT_LINE, ["gpt-4o-mini", "openai", "1", "0 %", "85 ms", "98 ms", "–", "0"]],
}
SERIES = {"1h": 61, "24h": 25, "7d": 29}
ERRORS = {
    "1h": [["429", "rate_limit_exceeded", "default", "fast", "openai", "100 ms"]],
    "7d": [
        ["429", "rate_limit_exceeded", "default", "fast", "openai", "100 ms"],
        ["502", "upstream_error", "default", "–", "openai", "100 ms"],
        ["404", "model_not_found", "default", "no-such", "–", "1.0 ms"],
    ],
}
ERRORS["24h"] = ERRORS["1h"]
