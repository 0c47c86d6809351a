"""Form fields of the admin: lists as lines, JSON that can be read, and connection values that keep their type."""

from __future__ import annotations

import json
import math
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

MONOSPACE = {"style": "font-family: ui-monospace, monospace; font-size: 12px", "spellcheck": "false"}


class JsonText(forms.JSONField):
    """JSON, indented; a list has one entry a line, with its field `first` at the front.

    Empty text is `empty`, an object or a list: columns hold no null."""

    def __init__(self, *, empty: type = dict, first: str = "", rows: int = 6, **kwargs: Any) -> None:
        self.empty = empty
        self.first = first
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget({**MONOSPACE, "rows": rows}))
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):  # what the user typed, wrong JSON included
            return value
        if value in ({}, [], None):
            return ""
        if isinstance(value, list):
            lines = (f"  {json.dumps(self._in_order(item), ensure_ascii=False)}" for item in value)
            return "[\n" + ",\n".join(lines) + "\n]"
        return json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return self.empty()
        try:
            found = value if isinstance(value, self.empty) else parsed(value)
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from None
        if not isinstance(found, self.empty):
            wanted = "an object: {...}" if self.empty is dict else "a list: [...]"
            raise ValidationError(f"It must be {wanted}.")
        return found

    def _in_order(self, item: Any) -> Any:
        return dict(sorted(item.items(), key=lambda pair: pair[0] != self.first)) if isinstance(item, dict) else item

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            found = self.to_python(data)
        except ValidationError:
            return True
        return json.dumps(initial or self.empty(), sort_keys=True) != json.dumps(found, sort_keys=True)


class Lines(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, *, rows: int = 3, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget({**MONOSPACE, "rows": rows}))
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(item) for item in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        lines = value if isinstance(value, list) else (value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


class ConnectionValue(forms.CharField):
    """A plain connection value: `600`, `true` and `{"a": 1}` are JSON, everything else is text. Empty is None."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextInputWidget())
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        text = (value or "").strip()
        if not text:
            return None
        try:
            return parsed(text)
        except ValueError:
            return text

    def has_changed(self, initial: Any, data: Any) -> bool:
        return json.dumps(self.to_python(initial)) != json.dumps(self.to_python(data))

    def validate(self, value: Any) -> None:
        """Any JSON value does; what the parameter may hold, the service says."""

    def run_validators(self, value: Any) -> None:
        if isinstance(value, str):
            super().run_validators(value)


def shown(value: Any) -> str:
    """A connection value as ConnectionValue reads it back: text stands bare, unless it would be read as JSON."""
    if value is None:
        return ""
    if isinstance(value, str) and ConnectionValue().to_python(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def secret_value(text: str) -> Any:
    """A sensitive value as it was typed; None where nothing was. Only what looks like a JSON object or list is one: a
    password of digits must stay a text."""
    if not text:
        return None
    if text[:1] not in ("{", "["):
        return text
    try:
        return parsed(text)
    except ValueError:
        return text


def parsed(text: str) -> Any:
    """The JSON value of a text that databases can hold; ValueError for NaN, numbers beyond a double, deep nests."""
    try:
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refused(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)
