"""Calls every method of the management client by its signature: each parameter gets a value of its type."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, get_args, get_origin

from llm_gateway_client.management import ManagementClient, Pages
from llm_gateway_client.management.open_shape import OpenShape

BESIDE = ("if_match", "reason")  # go as headers
VALUES: dict[Any, Any] = {
    str: "text",
    int: 3,
    float: 1.5,
    bool: True,
    Any: 3,
    date: date(2031, 5, 17),
    datetime: datetime(2031, 5, 17, 12, tzinfo=UTC),
}


def method(client: ManagementClient, name: str) -> Callable[..., Any]:
    found: Any = client
    for part in name.split("."):
        found = getattr(found, part)
    return typing.cast(Callable[..., Any], found)


def public(client: ManagementClient) -> set[str]:
    """The names of all methods, but for the twins and what opens and closes."""
    found = {name: getattr(client, name) for name in dir(client) if not name.startswith("_")}
    own = {name for name, value in found.items() if inspect.ismethod(value)} - {"close"}
    inner = {
        f"{name}.{one}"
        for name, resource in found.items()
        if not inspect.ismethod(resource) and not isinstance(resource, str)
        for one in dir(resource)
        if not one.startswith("_")
    }
    return {name for name in own | inner if not name.endswith("_sync")}


def answers_with(called: Callable[..., Any]) -> Any:
    """The shape of one object of the answer; else str, dict or None."""
    hint = typing.get_type_hints(called)["return"]
    [shape] = get_args(hint) if get_origin(hint) is Pages else [hint]
    return shape if isinstance(shape, type) and issubclass(shape, OpenShape) else get_origin(shape) or shape


def arguments(called: Callable[..., Any]) -> dict[str, Any]:
    """A value for each parameter, also for those of `**fields`."""
    hints = typing.get_type_hints(called)
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(called).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            [fields] = get_args(hints[name])  # of Unpack[...]
            found |= value(fields)
        else:
            found[name] = value(hints[name])
    return found


def value(hint: Any) -> Any:
    if typing.is_typeddict(hint):
        return {name: value(inner) for name, inner in typing.get_type_hints(hint).items()}
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return value(inner[0])
    if origin is Sequence:
        return [value(inner[0])]
    if origin is Mapping:
        return {"name": value(inner[1])}
    return VALUES[hint]
