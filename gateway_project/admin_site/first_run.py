"""What is left to do before the first call: shown in place of empty charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.urls import reverse

from audit.models import Call
from gateway_project.admin_site import lines, playground, snippets
from providers.models import Provider

ECHO = "echo"


@dataclass(frozen=True, slots=True)
class Step:
    """`url` is where it is done; empty for a user who may not do it."""

    text: str
    about: str
    done: bool
    url: str


def steps(user: AbstractUser, providers: Iterable[Provider]) -> list[Step]:
    """In the order in which they are taken. `providers` have their children prefetched; echo, which is there from the
    start, counts for no step but the call."""
    real = [provider for provider in providers if provider.provider_type != ECHO and provider.enabled]
    able = [provider for provider in real if lines.state(provider) != lines.NO_MODEL]
    keyed = [provider for provider in able if lines.has_key(provider)]
    page = _page(user, [*keyed, *able, *real])
    return [
        Step(
            "Add a provider with a model",
            "OpenAI, Anthropic, or whatever speaks one of their APIs.",
            done=bool(able),
            url=page,
        ),
        Step("Store a key for it", "Encrypted, and never shown again.", done=bool(keyed), url=page),
        Step(
            "Make a first call",
            "From the playground, or from a terminal as below.",
            done=Call.objects.exists(),
            url=reverse("playground") if user.has_perm(playground.PERMISSION) else "",
        ),
    ]


def _page(user: AbstractUser, providers: Sequence[Provider]) -> str:
    """The page of the provider that is furthest, else the one that adds the first."""
    if providers:
        seen = user.has_perm("providers.view_provider")
        return reverse("admin:providers_provider_change", args=[providers[0].pk]) if seen else ""
    return reverse("admin:providers_provider_add") if user.has_perm("providers.add_provider") else ""


def curl(providers: Iterable[Provider], *, base_url: str) -> str:
    """A first call as it could be made now; the key is a placeholder."""
    body = {"model": _model(providers), "messages": [{"role": "user", "content": "Hello"}]}
    return snippets.curl(body, base_url=base_url)


def _model(providers: Iterable[Provider]) -> str:
    """A real one where there is one that could answer, else the echo."""
    ready = [provider for provider in providers if lines.state(provider) == lines.READY]
    ready.sort(key=lambda provider: provider.provider_type == ECHO)
    names = (
        f"{provider.provider_id}/{model.model_id}"
        for provider in ready
        for model in provider.models.all()
        if model.enabled and model.model_type == "chat" and model.model_id != "*"
    )
    return next(names, "provider/model")
