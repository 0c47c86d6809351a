"""The reason for a change, as the admin asks for it; with LLM_GATEWAY_REQUIRE_REASON nothing is changed without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.widgets import UnfoldAdminTextInputWidget

from audit import history
from audit.models import ChangeSet

REASON = "change_reason"
REQUIRED = "Say why: a reason is required for every change."


class ReasonRequired(BadRequest):
    """A page changed something without a reason: it is taken back. 400 where the page has no better answer."""


@contextmanager
def change_set_of(request: HttpRequest) -> Iterator[history.OpenChangeSet | None]:
    """The change set of a POST to the admin; for a page of one's own that writes. None while reading."""
    if request.method != "POST":
        yield None
        return
    reason = reason_of(request)
    with history.change_set(
        origin=ChangeSet.Origin.ADMIN.value, actor=request.user.get_username(), user=request.user, reason=reason
    ) as draft:
        yield draft
        if settings.REQUIRE_REASON and not reason and draft.wrote:
            raise ReasonRequired(REQUIRED)


def reason_of(request: HttpRequest) -> str:
    return request.POST.get(REASON, "").strip()


def answered(request: HttpRequest, view: Callable[[], Any], *, confirmed: bool = False) -> HttpResponse:
    """The view's answer, inside the change set of the request. Without a required reason the page is shown again, with
    a word about it: before the view is asked, where it is `confirmed` that it would change something."""
    if confirmed and settings.REQUIRE_REASON and not reason_of(request):
        return _again(request)
    try:
        with change_set_of(request):
            return view()
    except ReasonRequired:
        list(messages.get_messages(request))  # what the page said of its success is not true any more
        return _again(request)


def _again(request: HttpRequest) -> HttpResponse:
    messages.error(request, REQUIRED)
    return redirect(request.get_full_path())


def reason_field() -> forms.CharField:
    required = settings.REQUIRE_REASON
    return forms.CharField(
        label="Reason for the change",
        required=required,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget,
        help_text="It stands in the change set." if required else "Optional; it stands in the change set.",
    )
