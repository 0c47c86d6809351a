"""The page that shows the text of a new key or token, once.

It is the answer to the POST itself: the text is in no message, session or cookie, and going back does not show it.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_variables

TEXT = "_text_shown_once"


def keep(request: HttpRequest, text: str) -> None:
    """For the rest of this request only."""
    setattr(request, TEXT, text)


@sensitive_variables()
def page(request: HttpRequest, *, admin: Any, row: Any, what: str, back: str) -> HttpResponse:
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": f"New {what}",
        "what": what,
        "name": str(row),
        "text": getattr(request, TEXT),
        "back": back,
    }
    response = TemplateResponse(request, "admin/access/shown_once.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
