"""Fills in the forms of an admin page as a browser would: everything that the page shows, and then what is changed."""

from __future__ import annotations

from typing import Any

from django.test import Client

Fields = dict[str, Any]


def shown(client: Client, path: str) -> Fields:
    """The values of all inputs of the page's form, as they would be sent back."""
    return _shown(client.get(path).context)


def _shown(context: Any) -> Fields:
    forms = [context["adminform"].form]
    for formset in context.get("inline_admin_formsets", []):
        forms += [formset.formset.management_form, *formset.formset.forms]
    found: Fields = {}
    for form in forms:
        for bound in form:
            found.update(_inputs(bound))
    return found


def send(client: Client, path: str, **changed: Any) -> Any:
    """Posts the page's form back with `changed`. A row of an inline that is not there yet (`models-3-model_id`) is
    added first, as the page's own "add" would: with the default values of its inputs."""
    context = client.get(path).context
    fields = _shown(context)
    for formset in context.get("inline_admin_formsets", []):
        _add_rows(formset.formset, fields, changed)
    fields.update(changed)
    return client.post(path, {name: value for name, value in fields.items() if value is not None})


def errors(response: Any) -> dict[str, list[str]]:
    """What the page says is wrong, by input; empty where the form was taken."""
    if response.status_code == 302 or response.context is None or "adminform" not in response.context:
        return {}
    found: dict[str, list[str]] = {}
    forms = [response.context["adminform"].form]
    for formset in response.context["inline_admin_formsets"]:
        forms += formset.formset.forms
        if formset.formset.non_form_errors():
            found[formset.formset.prefix] = list(formset.formset.non_form_errors())
    for form in forms:
        for name, texts in form.errors.items():
            found[form.add_prefix(name)] = list(texts)
    return found


def _add_rows(formset: Any, fields: Fields, changed: Fields) -> None:
    prefix, present = formset.prefix, formset.total_form_count()
    places = [
        int(name.split("-")[1]) for name in changed if name.startswith(f"{prefix}-") and name.split("-")[1].isdigit()
    ]
    for place in range(present, max(places, default=-1) + 1):
        for bound in formset.empty_form:
            fields.update({name.replace("__prefix__", str(place)): value for name, value in _inputs(bound).items()})
    fields[f"{prefix}-TOTAL_FORMS"] = max(present, *(place + 1 for place in [*places, -1]))


def _inputs(bound: Any) -> Fields:
    widget, value = bound.field.widget, bound.value()
    if bound.field.disabled:
        return {}
    if hasattr(widget, "widgets"):
        parts = widget.decompress(value)
        return {f"{bound.html_name}_{place}": _text(part) for place, part in enumerate(parts)}
    if getattr(getattr(widget, "widget", widget), "allow_multiple_selected", False):
        return {bound.html_name: [str(getattr(one, "pk", one)) for one in value or ()]}
    if getattr(widget, "input_type", "") == "checkbox":
        return {bound.html_name: "on" if value else None}
    if getattr(widget, "input_type", "") == "password":
        return {bound.html_name: ""}
    return {bound.html_name: _text(value)}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
