"""The shape of a step of a call's decision trace, for the schema of /calls."""

from __future__ import annotations

from typing import Any, get_args

from rest_framework import serializers

from llm.observe.metrics import Outcome
from llm.observe.trace import StepKind


def _text(words: str) -> serializers.CharField:
    return serializers.CharField(allow_blank=True, help_text=words)


def _milliseconds(words: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=f"{words}, in milliseconds.")


class TraceStepSerializer(serializers.Serializer[Any]):
    """Every step has every field: what says nothing of it is null, "", 0 or []. A model of a provider that the reader
    may not see is not named."""

    event = serializers.ChoiceField(
        choices=get_args(StepKind),
        help_text="plan: what could serve the call. skipped: a model or key that was passed over. attempt: a model was "
        "asked. wait: a pause before the next attempt.",
    )
    at_ms = serializers.FloatField(help_text="When it began, in milliseconds since the call began.")
    duration_ms = _milliseconds("How long the attempt or wait took")
    model = _text("provider/model that was asked or passed over.")
    key = _text("Id of the provider's key.")
    role = _text("What the model is in the plan: target, fallback or hedge.")
    reason = _text("plan: the strategy. skipped: why it was passed over. wait: backoff, retry_after or cool_down.")
    candidates = serializers.ListField(
        child=serializers.CharField(),
        help_text="plan: the models in the order in which they would be tried, fallbacks last.",
    )
    outcome = _text(f"attempt: {', '.join(get_args(Outcome))}.")
    error = _text("attempt: the kind of error that it ended with.")
    phase = _text("attempt: which of a timeout's limits it ran into.")
    retry_after_seconds = serializers.FloatField(
        allow_null=True, help_text="How long the provider asked to be left alone, in seconds."
    )
    first_token_ms = _milliseconds("attempt: time to the first token of its answer, since it began")
    input_tokens = serializers.IntegerField(help_text="Tokens that the attempt read, cached ones included.")
    output_tokens = serializers.IntegerField(help_text="Tokens that the attempt wrote.")
    cost_nano_usd = serializers.IntegerField(
        allow_null=True, help_text="What the attempt cost; null where that is not known."
    )
