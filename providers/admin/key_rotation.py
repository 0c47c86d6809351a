"""The page on which a key is rotated."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from audit.admin_base import REASON, change_set_of
from providers import services
from providers.admin.base import messages_by_field
from providers.admin.forms import SecretInput
from providers.models import ApiKey
from providers.services.key_rotation import GRACE_HOURS, LONGEST_GRACE_HOURS


class RotateForm(forms.Form):
    key_value = SecretInput(label="New key", help_text="Stored encrypted and never shown again.")
    reference = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Instead of a key: env:NAME or file:NAME."
    )
    grace_hours = forms.FloatField(
        initial=GRACE_HOURS,
        min_value=0,
        max_value=LONGEST_GRACE_HOURS,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text="So long the old key stays as fallback; 0 ends it at once.",
    )
    change_reason = forms.CharField(
        label="Reason for the change", required=False, max_length=1000, widget=UnfoldAdminTextInputWidget
    )

    def given(self) -> dict[str, Any]:
        """What goes to the service."""
        return {name: value for name, value in self.cleaned_data.items() if name != REASON and value not in ("", None)}


class RotatesKeys:
    """For the admin of keys."""

    actions_detail = ("rotate_this",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("<int:pk>/rotate/", view, name="providers_apikey_rotate"), *super().get_urls()]

    @action(description="Rotate", url_path="rotate-key", icon="autorenew", permissions=["change"])
    def rotate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:providers_apikey_rotate", args=[object_id]))

    @method_decorator(sensitive_post_parameters("key_value"))
    @sensitive_variables()
    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = self.get_queryset(request).filter(pk=pk).first()
        if key is None:
            raise Http404("There is no such key.")
        if not self.has_change_permission(request, key) or not self.has_add_permission(request):
            raise PermissionDenied
        form = RotateForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (new := _rotated(request, key, form)) is not None:
            messages.success(request, f"{new.name}: the new key serves, the old one stays as its fallback.")
            return HttpResponseRedirect(reverse("admin:providers_apikey_change", args=[new.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Rotate {key}",
            "form": form,
            "back": reverse("admin:providers_apikey_change", args=[key.pk]),
        }
        return TemplateResponse(request, "admin/providers/rotate.html", context)


def _rotated(request: HttpRequest, key: ApiKey, form: RotateForm) -> ApiKey | None:
    """The new key; None where the service refused, which the form then tells."""
    try:
        with change_set_of(request):
            new, _ = services.rotate_key(key=key, **form.given())
    except ValidationError as error:
        for field, texts in messages_by_field(error).items():
            form.add_error(field if field in form.fields else None, texts)
        return None
    return new
