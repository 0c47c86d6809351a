"""What the control plane knows of a provider's kind besides its label."""

from __future__ import annotations

from llm.adapters.kinds import BY_NAME, normal_base_url

__all__ = ["default_base_url", "is_known", "needs_key", "normal_base_url", "options", "takes"]


def is_known(kind: str) -> bool:
    """Is there an adapter for it? A package that added a kind may have been removed."""
    return kind in BY_NAME


def default_base_url(kind: str) -> str:
    """Where the kind's API is when the operator names no api_base; "" where only the operator can know."""
    return BY_NAME[kind].default_base_url if is_known(kind) else ""


def needs_key(kind: str) -> bool:
    return not is_known(kind) or BY_NAME[kind].needs_key


def takes(kind: str, parameter: str) -> bool:
    """Does this connection parameter mean something to the kind?"""
    return is_known(kind) and parameter in BY_NAME[kind].parameters


def options(kind: str) -> tuple[str, ...]:
    """The names of the connection parameters that only the kind's adapter understands."""
    return BY_NAME[kind].options if is_known(kind) else ()
