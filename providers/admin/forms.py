"""Forms of a provider's parts. Secrets are write-only: inputs are never filled, and blank keeps what is stored."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from providers.admin.base import ServiceForm
from providers.admin.fields import ConnectionValue, JsonText, Lines, secret_value, shown

# So that an address can be read in the row of a 1,280 pixels wide page.
WIDTHS = {"param_name": "10rem", "environment": "8rem", "plain_value": "17rem", "secret_text": "9rem"}
WRITE_ONLY = {"autocomplete": "new-password", "spellcheck": "false"}
_CAPABILITIES = (
    "One a line: text, tools, vision, audio, documents, json, reasoning. A model that names any is not asked for the "
    "others; leave it empty where you do not know."
)

_SETTINGS = (
    'Settings of every call to this provider: {"timeout_seconds": 120}. {"probe_interval_seconds": 60} asks it once a '
    "minute whether it works; that costs what a call costs."
)
_PRICES = (
    "In nano-USD per million tokens (1 USD per million tokens is 1000000000), one entry a line for each day on which "
    'they change: [{"valid_from": "2026-01-31", "input": 2500000000, "output": 10000000000}]. Also cache_read, '
    "cache_write_5m, cache_write_1h, reasoning; per_image and per_request (nano-USD each); "
    'tiers for long contexts: "tiers": [{"from_tokens": 200001, "input": 5000000000}].'
)


class SecretInput(forms.CharField):
    """A text that is sent in and never shown; not stripped of anything but the line that was pasted with it."""

    def __init__(self, *, placeholder: str = "", **kwargs: Any) -> None:
        widget = UnfoldAdminPasswordWidget({**WRITE_ONLY, "placeholder": placeholder}, render_value=False)
        super().__init__(widget=widget, required=False, **kwargs)


def say_again(form: ServiceForm, name: str) -> None:
    """On a page that comes back with an error: what was typed is not sent back, and must not be taken for kept."""
    if name in form.fields and form.is_bound and form.data.get(form.add_prefix(name)):
        form.fields[name].widget.attrs["placeholder"] = "enter it again"
        form.fields[name].help_text = "Nothing was saved yet: enter it again."


def fix(form: ServiceForm, *names: str) -> None:
    """Natural keys of a stored row are shown, and cannot be changed."""
    for name in names:
        if name in form.fields and not form.instance._state.adding:
            form.fields[name].disabled = True


class ProviderForm(ServiceForm):
    description = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget({"rows": 2}))
    request_settings = JsonText(rows=4, help_text=_SETTINGS)


class ModelForm(ServiceForm):
    capabilities = Lines(help_text=_CAPABILITIES)
    parameters = JsonText(help_text='Defaults for fields that a call leaves out: {"temperature": 0.2}.')
    prices = JsonText(empty=list, first="valid_from", rows=4, help_text=_PRICES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fix(self, "model_id")


class KeyForm(ServiceForm):
    key_value = SecretInput(
        label="Key", help_text="Stored encrypted and never shown again. Blank keeps what is stored."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reference" in self.fields:
            self.fields["reference"].help_text = "Instead of a key: env:NAME or file:NAME."
        if self.instance.pk and self.instance.fingerprint:
            self.fields["key_value"].widget.attrs["placeholder"] = f"stored: …{self.instance.last4}"
        say_again(self, "key_value")

    def written(self) -> dict[str, Any]:
        fields = super().written()
        if not fields.get("key_value"):
            fields.pop("key_value", None)
        if self.instance._state.adding and not fields.get("reference"):
            fields.pop("reference", None)
        return fields


class ParameterForm(ServiceForm):
    plain_value = ConnectionValue(label="Value", help_text='Text, or JSON: 600, true, {"a": 1}.')
    secret_text = SecretInput(label="Sensitive value", placeholder="blank keeps it")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fix(self, "param_name", "environment")
        if not self.instance._state.adding:
            self.initial["plain_value"] = shown(self.instance.value)
        say_again(self, "secret_text")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("is_sensitive"):
            if self.cleaned_data.get("plain_value") is not None and "plain_value" in self.changed_data:
                self.add_error("plain_value", "It would be visible: a sensitive value goes into the field beside.")
        elif self.cleaned_data.get("secret_text"):
            self.add_error("secret_text", "Mark the parameter as sensitive, or give a plain value.")
        elif "plain_value" not in self.errors and self.cleaned_data.get("plain_value") is None:
            self.add_error("plain_value", "It is required.")
        return cleaned

    @property
    def save_order(self) -> int:
        """Sensitive values come last: they are bound to what the plain ones say."""
        return 1 if self.cleaned_data.get("is_sensitive") else 0

    def written(self) -> dict[str, Any]:
        fields = super().written()
        plain, secret = fields.pop("plain_value", None), fields.pop("secret_text", "")
        sensitive = self.cleaned_data["is_sensitive"]
        value = secret_value(secret) if sensitive else plain
        if not sensitive and "is_sensitive" in fields:
            value = self.cleaned_data["plain_value"]
        return fields if value is None else {**fields, "param_value": value}

    def field_of(self, name: str) -> str:
        if name != "param_value":
            return name
        return "secret_text" if self.cleaned_data.get("is_sensitive") else "plain_value"


class ParameterRow(ParameterForm):
    """The same in a table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, width in WIDTHS.items():
            if name in self.fields:
                self.fields[name].widget.attrs["style"] = f"width: {width}"
