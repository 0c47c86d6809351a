"""ReadOnlyAdmin: the base of the pages of records."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from audit import scope


class ReadOnlyAdmin(ModelAdmin):
    """The table may be large: no page counts its rows, and filters are typed in, not read from all values."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_filter_submit = True
    list_per_page = 50
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scope.narrowed(super().get_queryset(request), request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # A record has no history of its own: no button to an empty page.
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "show_history": False})
