"""The pages. Managing is for staff, asking for whoever is logged in; each call says for whom it is made."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required, user_passes_test
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backoffice import gateway
from backoffice import summaries as background
from backoffice.forms import AskForm, ModelForm, SummaryForm
from backoffice.models import Summary
from llm_gateway_client import LLMGatewayError
from llm_gateway_client.management import InvalidFields, ManagementError

staff_only = user_passes_test(lambda user: user.is_staff)


@staff_only
@require_GET
def providers(request: HttpRequest) -> HttpResponse:
    return _providers(request)


@staff_only
@require_POST
def add_model(request: HttpRequest, provider_id: str) -> HttpResponse:
    form = ModelForm(request.POST, auto_id=f"{provider_id}-%s")
    if not form.is_valid():
        return _providers(request, form, provider_id)
    fields = {name: value for name, value in form.cleaned_data.items() if value is not None}
    model_id = fields.pop("model_id")
    try:
        gateway.management().models.create_sync(provider_id, model_id, reason=_reason(request), **fields)
    except InvalidFields as error:
        for field, told in error.field_errors.items():
            form.add_error(field if field in form.fields else None, told)
        return _providers(request, form, provider_id)
    except ManagementError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{provider_id}/{model_id} was added.")
    return redirect("providers")


@staff_only
@require_POST
def set_enabled(request: HttpRequest, provider_id: str) -> HttpResponse:
    enabled = request.POST.get("enabled") == "yes"
    try:
        gateway.management().providers.update_sync(provider_id, enabled=enabled, reason=_reason(request))
    except ManagementError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{provider_id} is {'enabled' if enabled else 'disabled'}.")
    return redirect("providers")


@login_required
@require_GET
def ask(request: HttpRequest) -> HttpResponse:
    return render(request, "backoffice/ask.html", {"form": AskForm()})


@login_required
@require_POST
def answer(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Plain text as it comes. Without a script, the browser shows it as it is."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8")
    asked = form.cleaned_data
    try:
        texts = gateway.answer(asked["question"], model=asked["model"], user=request.user.get_username())
    except LLMGatewayError as error:
        told = f"There is no answer: {error.message} ({error.code}, request {error.request_id})"
        return HttpResponse(told, status=502, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(texts, content_type="text/plain; charset=utf-8")
    response["X-Accel-Buffering"] = "no"  # nginx passes it on as it comes
    return response


@login_required
def summaries(request: HttpRequest) -> HttpResponse:
    form = SummaryForm(request.POST or None)
    user = request.user.get_username()
    found = list(Summary.objects.filter(user=user)[:50])
    try:
        if form.is_valid():
            background.submit(form.cleaned_data["text"], model=form.cleaned_data["model"], user=user)
            return redirect("summaries")
        for summary in found:
            background.refresh(summary)
    except background.QueueAway as error:
        messages.error(request, str(error))
    waiting = any(summary.state == Summary.State.WAITING for summary in found)
    return render(request, "backoffice/summaries.html", {"form": form, "summaries": found, "waiting": waiting})


def _providers(request: HttpRequest, form: ModelForm | None = None, form_of: str = "") -> HttpResponse:
    """The list; `form` is shown with its errors at the provider `form_of`, an empty one at all others."""
    rows = []
    try:
        models = {provider.provider_id: provider.models for provider in gateway.management().providers.list_sync()}
        for status in gateway.management().status_sync().providers:
            own = form if status.provider_id == form_of else ModelForm(auto_id=f"{status.provider_id}-%s")
            rows.append({"status": status, "models": models.get(status.provider_id, []), "form": own})
    except ManagementError as error:
        messages.error(request, str(error))
        return render(request, "backoffice/providers.html", {"rows": []}, status=502)
    return render(request, "backoffice/providers.html", {"rows": rows}, status=400 if form_of else 200)


def _reason(request: HttpRequest) -> str:
    """For the gateway's history: it knows the backoffice by its token, and not who sits before it."""
    return f"by {request.user.get_username()} in the backoffice"
