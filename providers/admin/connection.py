"""Test connection and discovery of models: pages beside a provider's own, since what they do is no change of a form.

A test or a list asks the provider, which takes seconds: no transaction and no change set is open meanwhile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from audit.admin_base import change_set_of
from providers import discovery, probing, testing
from providers.admin.badges import badge, moment
from providers.admin.base import told
from providers.models import Provider

MOST: Final = 20  # tests at a time
_TEST: Final = "admin:providers_provider_test"


class ConnectionPages:
    """For the admin of providers."""

    actions = ("test_selected",)
    actions_detail = ("test_this", "discover_this")

    @display(description="Last test")
    def shown_last_test(self, provider: Provider) -> str:
        """With its time, and the last probe where it is probed."""
        result, probe = testing.last(provider), probing.last(provider)
        shown = "-" if result is None else _shown(result, provider.state.last_test_at)
        if probe is None:
            return shown
        return format_html("{}<br>probe: {}", shown, _shown(probe, datetime.fromisoformat(probe["probed_at"])))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("test/", view(self.test_view), name="providers_provider_test"),
            path("<int:pk>/discover/", view(self.discover_view), name="providers_provider_discover"),
            *super().get_urls(),
        ]

    @admin.action(description="Test connection", permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        chosen = list(queryset.values_list("pk", flat=True))
        if len(chosen) > MOST:
            messages.warning(request, f"Only the first {MOST} are tested at a time.")
        return HttpResponseRedirect(_test_url(chosen))

    @action(description="Test connection", url_path="test-connection", icon="network_check", permissions=["change"])
    def test_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_test_url([object_id]))

    @action(description="Discover models", url_path="discover-models", icon="travel_explore", permissions=["change"])
    def discover_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:providers_provider_discover", args=[object_id]))

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """GET shows the last results, POST tests anew and comes back."""
        providers = self._asked(request, request.GET.getlist("id"))
        if request.method == "POST":
            model = request.POST.get("model", "") if len(providers) == 1 else ""
            testing.run_all(providers=providers, model=model, user=request.user.get_username())
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": "Test connection",
            "lines": [(provider, testing.last(provider), _change_url(provider)) for provider in providers],
            "probes": [(provider, probe) for provider in providers if (probe := probing.last(provider)) is not None],
            "models": _models(providers[0]) if len(providers) == 1 else (),
        }
        return TemplateResponse(request, "admin/providers/test.html", context)

    def discover_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST asks the provider, and adds what was chosen, where anything was."""
        [provider] = self._asked(request, [str(pk)])
        found = None
        if request.method == "POST":
            found = discovery.run(provider=provider)
            if chosen := request.POST.getlist("apply"):
                return self._added(request, provider, found, chosen)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Models that {provider.display_name} lists",
            "provider": provider,
            "back": _change_url(provider),
            "found": found,
            "may_add": request.user.has_perm("providers.add_providermodel"),
        }
        return TemplateResponse(request, "admin/providers/discover.html", context)

    def _added(
        self, request: HttpRequest, provider: Provider, found: discovery.Discovered, chosen: list[str]
    ) -> HttpResponse:
        if not request.user.has_perm("providers.add_providermodel"):
            raise PermissionDenied
        if found.error:
            messages.error(request, found.message)
            return HttpResponseRedirect(request.path)
        try:
            with change_set_of(request):
                added = discovery.add(provider=provider, found=found, model_ids=chosen)
        except ValidationError as error:
            messages.error(request, told(error))
            return HttpResponseRedirect(request.path)
        messages.success(request, f"Added: {', '.join(added)}." if added else "Nothing was added: all were known.")
        return HttpResponseRedirect(_change_url(provider))

    def _asked(self, request: HttpRequest, ids: list[str]) -> list[Provider]:
        """The providers of these ids; 404 where there are none, 403 where the user may not change one of them."""
        wanted = [int(one) for one in ids[:MOST] if one.isdecimal() and len(one) < 19]
        rows = self.get_queryset(request).select_related("state").filter(pk__in=wanted)
        found = list(rows.prefetch_related("models", "api_keys", "connection_parameters"))
        if not found:
            raise Http404("There is no such provider.")
        if not all(self.has_change_permission(request, provider) for provider in found):
            raise PermissionDenied
        return found


def _test_url(ids: list[Any]) -> str:
    query = QueryDict(mutable=True)
    query.setlist("id", [str(one) for one in ids[:MOST]])
    return f"{reverse(_TEST)}?{query.urlencode()}"


def _change_url(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def _models(provider: Provider) -> list[str]:
    return [row.model_id for row in provider.models.all() if row.model_id != "*"]


def _shown(result: dict[str, Any], at: datetime) -> str:
    colour = "enabled" if result["success"] else "disabled"
    return format_html("{} {}", badge(colour, _word(result)), moment(at))


def _word(result: dict[str, Any]) -> str:
    return "works" if result["success"] else "failed"
