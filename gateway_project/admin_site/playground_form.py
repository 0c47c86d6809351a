"""What the playground asks for, and the body of a chat completion made of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from llm.snapshot import Snapshot

_OWN_FIELDS = frozenset({"model", "messages", "stream"})
Choices = list[tuple[str, Any]]


class PlaygroundForm(forms.Form):
    """`snapshot` is what live calls see: only what is enabled can be picked."""

    project = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, help_text="The call is made as this project and counted for it."
    )
    model = forms.CharField(label="Model or route", widget=UnfoldAdminSelectWidget)
    model_name = forms.CharField(
        label="Name of the model",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Where the choice above ends in *: which of the provider's models.",
    )
    system_prompt = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    prompt = forms.CharField(initial="Say hello in one sentence.", widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    temperature = forms.FloatField(
        required=False, min_value=0, max_value=2, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )
    max_tokens = forms.IntegerField(required=False, min_value=1, widget=UnfoldAdminIntegerFieldWidget)
    extras = forms.JSONField(
        label="Further parameters (JSON)",
        required=False,
        initial=dict,
        help_text='An object with what else the endpoint knows, for instance {"top_p": 0.9}.',
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}),
    )
    stream = forms.BooleanField(
        label="Stream the answer", required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, *args: Any, snapshot: Snapshot | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].choices = _projects(snapshot) if snapshot else []
        self.fields["model"].widget.choices = _models(snapshot) if snapshot else []
        if snapshot and not any(model_id == "*" for _, model_id in snapshot.providers.models):
            del self.fields["model_name"]

    def clean_extras(self) -> dict[str, Any]:
        extras = self.cleaned_data["extras"]
        if extras in (None, ""):
            return {}
        if not isinstance(extras, dict):
            raise forms.ValidationError("This must be a JSON object.")
        if taken := sorted(_OWN_FIELDS & extras.keys()):
            raise forms.ValidationError(f"Use the form's own fields for: {', '.join(taken)}.")
        return extras

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("model", "").endswith("/*") and not self.cleaned_data.get("model_name"):
            self.add_error("model_name", "Name one of the provider's models.")
        return self.cleaned_data

    def body(self) -> dict[str, Any]:
        """The body of POST /v1/chat/completions; for a valid form."""
        given = self.cleaned_data
        model = given["model"]
        said = [{"role": "system", "content": given["system_prompt"]}] if given["system_prompt"] else []
        body: dict[str, Any] = {
            "model": model[:-1] + given["model_name"] if model.endswith("/*") else model,
            "messages": [*said, {"role": "user", "content": given["prompt"]}],
        }
        body |= {name: given[name] for name in ("temperature", "max_tokens") if given[name] is not None}
        body |= given["extras"]
        return body | ({"stream": True} if given["stream"] else {})


def _projects(snapshot: Snapshot) -> Choices:
    slugs = sorted(snapshot.callers.by_project, key=lambda slug: (slug != "default", slug))
    return [(slug, slug) for slug in slugs]


def _models(snapshot: Snapshot) -> Choices:
    """Routes first, then the models that can chat, by provider."""
    chat = sorted(key for key, model in snapshot.providers.models.items() if model.model_type == "chat")
    choices: Choices = [("Routes", [(name, name) for name in sorted(snapshot.providers.routes)])]
    for provider_id, models in groupby(chat, key=lambda key: key[0]):
        names = [f"{provider_id}/{model_id}" for _, model_id in models]
        choices.append((provider_id, [(name, name) for name in names]))
    return [group for group in choices if group[1]]
