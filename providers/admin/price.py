"""Proposals of new prices: refresh, accept, dismiss."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit import scope
from audit.admin_base import change_set_of
from providers import services
from providers.admin.base import told
from providers.models import PriceProposal, Provider

_RIGHT = "providers.{}_providermodel"


@admin.register(PriceProposal)
class PriceProposalAdmin(ModelAdmin):
    """Prices are a part of models: the rights are those of models."""

    list_display = ("shown_model", "provider_id", "shown_old", "shown_new", "source", "created_at")
    list_display_links = None
    list_filter = ("provider_id",)
    search_fields = ("provider_id", "model_id")
    list_before_template = "admin/providers/refresh_prices.html"
    actions = ("accept_selected", "dismiss_selected")

    def get_queryset(self, request: HttpRequest) -> Any:
        return scope.narrowed(super().get_queryset(request), request.user)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.refresh_view)
        return [path("refresh/", view, name="providers_priceproposal_refresh"), *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(_RIGHT.format("view"))

    def has_accept_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RIGHT.format("change"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {**(extra_context or {}), "may_refresh": self.has_accept_permission(request)}
        return super().changelist_view(request, context)

    def refresh_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not self.has_accept_permission(request):
            raise PermissionDenied
        rows = Provider.objects.prefetch_related("connection_parameters")
        mine = list(scope.narrowed_to_changed(rows, request.user))
        found = services.refresh_prices(providers=mine)
        self.message_user(request, f"{len(found)} proposed.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:providers_priceproposal_changelist"))

    @admin.action(description="Accept the selected", permissions=["accept"])
    def accept_selected(self, request: HttpRequest, queryset: Any) -> None:
        mine = scope.narrowed_to_changed(queryset, request.user)
        try:
            with transaction.atomic(), change_set_of(request):
                accepted = services.accept_prices(proposals=list(mine))
        except ValidationError as error:
            self.message_user(request, told(error), messages.ERROR)
        else:
            self.message_user(request, f"{len(accepted)} accepted.", messages.SUCCESS)

    @admin.action(description="Dismiss the selected", permissions=["accept"])
    def dismiss_selected(self, request: HttpRequest, queryset: Any) -> None:
        mine = scope.narrowed_to_changed(queryset, request.user)
        gone = services.dismiss_prices(proposals=list(mine))
        self.message_user(request, f"{len(gone)} dismissed.", messages.SUCCESS)

    @display(description="Model", ordering="model_id")
    def shown_model(self, row: PriceProposal) -> str:
        return row.model_id

    @display(description="Now (USD per million tokens)")
    def shown_old(self, row: PriceProposal) -> str:
        return in_usd(row.old)

    @display(description="Proposed (USD per million tokens)")
    def shown_new(self, row: PriceProposal) -> str:
        return in_usd(row.price)


def in_usd(entry: Any) -> str:
    """A price entry in words; tiers as how many there are."""
    if not entry:
        return "no price"
    rates = [f"{name} {value / 10**9:g}" for name, value in entry.items() if isinstance(value, int)]
    tiers = entry.get("tiers") or []
    return ", ".join([*rates, *([f"{len(tiers)} long-context tiers"] if tiers else [])])
