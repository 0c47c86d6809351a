"""The form of a route: its strategies and the fields of its policy, told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.html import format_html, format_html_join
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.admin.base import ServiceForm
from providers.admin.fields import JsonText

STRATEGIES: Final[Mapping[str, str]] = {
    "priority": "the lowest priority first; among equals a draw by weight.",
    "weighted": "a draw by weight among all targets; priority does not count.",
    "round_robin": "the lowest priority first; equals take turns, as often as their weights say.",
    "least_latency": "the lowest priority first; of equals the one that began to answer soonest of late. A few calls "
    "go to the others, so that their speed is known.",
    "lowest_cost": "the cheapest first (input and output price added up), whatever its priority; without a price last.",
    "least_busy": "the lowest priority first; of equals the one with the fewest calls under way for its weight.",
}
POLICY: Final[Mapping[str, str]] = {
    "retries": "2. Further attempts over all targets; then each fallback gets one.",
    "timeout_seconds": "The provider's own. For the whole call: all attempts and waits.",
    "connect_timeout_seconds": "The provider's own. Until there is a connection.",
    "first_token_timeout_seconds": "The provider's own. Until an answer begins. Who is late is not asked twice.",
    "idle_timeout_seconds": "The provider's own. Between two pieces of an answer.",
    "content_filter_fallback": "false. true: what one model refuses for its content is tried with the others.",
    "unsupported": '"drop". What becomes of a field that a model cannot carry: "drop" leaves it out and tells the '
    'caller in a header, "refuse" passes the model over.',
    "stream_guard": 'null. {"characters": 200} holds back so much of a stream, {"until": "finish"} all of it, so that '
    "one that dies early starts anew elsewhere unseen. The caller waits for it.",
    "affinity": 'null. "session" keeps calls of one x-gateway-session with one target and key, for its prompt cache; '
    '"conversation" also those that begin with the same messages. It takes the place of draws, turns, speed and load.',
    "max_price_usd": 'null. {"input": 5, "output": 20}: USD per million tokens. A model that costs more, or has no '
    "price, is passed over.",
    "hedge": 'null. {"max_share": 0.05}: where the first model is slower than 19 of 20 of its calls, a second one is '
    "asked beside it, for at most this share of the calls (0.5 at most). Both cost.",
    "cache": "null. Nothing else yet.",
}


class RouteForm(ServiceForm):
    description = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget({"rows": 2}))
    targets = JsonText(
        empty=list,
        first="model",
        help_text='[{"model": "openai/gpt-4o", "priority": 1, "weight": 1}]: what both mean, the strategy says.',
    )
    fallbacks = JsonText(
        empty=list,
        first="model",
        rows=4,
        help_text='After the targets, in this order: [{"model": "anthropic/claude-x"}].',
    )
    policy = JsonText(rows=8)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "strategy" in self.fields:
            self.fields["strategy"].help_text = _in_words(STRATEGIES)
        if "policy" in self.fields:
            self.fields["policy"].help_text = format_html(
                "All optional: {} Every field, its default first:{}",
                '{"retries": 2, "timeout_seconds": 600}.',
                _in_words(POLICY),
            )


def _in_words(meanings: Mapping[str, str]) -> str:
    return format_html("<ul>{}</ul>", format_html_join("", "<li><strong>{}</strong>: {}</li>", meanings.items()))
