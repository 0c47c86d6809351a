"""Warnings of what was saved all the same, on top of the page that comes next."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse


class TellsWarnings:
    """For admins: `warnings_of(row)` is asked after each save."""

    def warnings_of(self, row: Any) -> list[str]:
        raise NotImplementedError

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        self._tell(request, obj)
        return super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        self._tell(request, obj)
        return super().response_change(request, obj, *args, **kwargs)

    def _tell(self, request: HttpRequest, obj: Any) -> None:
        for text in self.warnings_of(obj):
            messages.warning(request, text)
