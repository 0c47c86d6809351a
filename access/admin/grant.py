"""Which providers a user, or a group's members, are limited to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from access import services
from access.models import ProviderGrant
from providers.admin.base import ServiceAdmin, ServiceForm, Writes
from providers.models import Provider

NOTHING = "none: sees no provider but those of other grants"
EXPLAINED = (
    "Who has no grant, alone or by a group, has the rights of their groups over every provider. With the first one "
    "they are limited to those given; with the last one taken away they are not limited any more."
)


def provider_choices() -> list[tuple[str, str]]:
    return [("", NOTHING), *((name, name) for name in Provider.objects.values_list("provider_id", flat=True))]


class GrantForm(ServiceForm):
    provider = forms.ChoiceField(
        choices=provider_choices, required=False, widget=UnfoldAdminSelectWidget, help_text=EXPLAINED
    )


@admin.register(ProviderGrant)
class ProviderGrantAdmin(ServiceAdmin):
    writes = Writes(
        create=lambda parent, fields: services.create_grant(**fields),
        update=lambda grant, fields: services.update_grant(grant=grant, **fields),
        delete=lambda grant: services.revoke_grant(grant=grant),
    )
    form = GrantForm
    list_display = ("holder", "shown_provider", "may_change")
    list_filter = ("may_change", "user", "group")
    search_fields = ("holder", "provider")
    fields = (("user", "group"), "provider", "may_change")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("user", "group", "provider")

    @display(description="Provider", ordering="provider")
    def shown_provider(self, grant: ProviderGrant) -> str:
        return grant.provider or "none"
