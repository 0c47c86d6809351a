"""Short coloured words, in lists and on pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from unfold.decorators import display

from providers import selectors

COLOURS = {
    "enabled": "success",
    "active": "success",
    "disabled": "danger",
    "expired": "warning",
    "awaiting_secret": "warning",
    "undecryptable": "danger",
    "other_environment": "info",
}
WORDS = {"awaiting_secret": "awaiting secret", "other_environment": "not used here"}


def badge(state: str, text: str = "") -> str:
    """HTML of a state in its colour."""
    shown = {"type": COLOURS.get(state, ""), "text": text or WORDS.get(state, state)}
    return render_to_string("unfold/helpers/label.html", shown)


def environment_badge(environment: str) -> str:
    """HTML of an environment, and whether it is used in this one."""
    name = environment or "every"
    if environment in ("", settings.GATEWAY_ENV):
        return badge("", name)
    return badge("other_environment", f"{name}: not used here")


def moment(value: datetime | None) -> str:
    return date_format(timezone.localtime(value), "DATETIME_FORMAT") if value is not None else "never"


class EnabledColumn:
    @display(description="State", ordering="enabled")
    def shown_enabled(self, row: Any) -> str:
        return badge("enabled" if row.enabled else "disabled")


class EnvironmentColumn:
    @display(description="Environment", ordering="environment")
    def shown_environment(self, row: Any) -> str:
        return environment_badge(row.environment)


class KeyColumns:
    """What may be shown of a stored key."""

    @display(description="State")
    def shown_state(self, key: Any) -> str:
        return badge(selectors.key_state(key)) if key.pk else "-"

    @display(description="Ends with")
    def shown_last4(self, key: Any) -> str:
        return f"…{key.last4}" if key.last4 else "-"

    @display(description="Fingerprint")
    def shown_fingerprint(self, key: Any) -> str:
        return key.fingerprint or "-"

    @display(description="Last used")
    def shown_last_used(self, key: Any) -> str:
        return moment(selectors.last_used_at(key)) if key.pk else "-"


class ParameterColumns:
    @display(description="State")
    def shown_state(self, row: Any) -> str:
        return badge(selectors.parameter_state(row)) if row.pk else "-"

    @display(description="Value")
    def shown_value(self, row: Any) -> Any:
        if row.is_sensitive:
            return f"sensitive ({row.fingerprint})"
        return selectors.parameter_value(row)
