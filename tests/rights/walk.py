"""All addresses of the control plane, from the URL resolver itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Address:
    """`name` as it is reversed ("admin:index"), else the route itself; `methods` None where a function decides."""

    name: str
    route: str
    methods: frozenset[str] | None


def addresses() -> list[Address]:
    return list(_walk(get_resolver().url_patterns, "", ""))


def _walk(patterns: list[Any], route: str, namespace: str) -> Iterator[Address]:
    for pattern in patterns:
        here = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _walk(pattern.url_patterns, here, namespace + inner)
        else:
            assert isinstance(pattern, URLPattern)
            name = namespace + pattern.name if pattern.name else here
            yield Address(name, here, _methods(pattern.callback))


def _methods(callback: Any) -> frozenset[str] | None:
    if actions := getattr(callback, "actions", None):  # a viewset's
        return frozenset(actions) & frozenset(VERBS)
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if not inspect.isclass(view):
        return None
    return frozenset(verb for verb in VERBS if hasattr(view, verb))
