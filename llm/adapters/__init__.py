"""One adapter a kind of provider. `KINDS` names them; their classes are imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from llm.adapters import kinds
from llm.errors import InternalError
from llm.spec import Adapter
from llm.transport.base import Transport

KINDS: Final[dict[str, tuple[str, str]]] = {name: (kind.label, kind.adapter) for name, kind in kinds.BY_NAME.items()}


def adapter(kind: str, transport: Transport) -> Adapter:
    """A new adapter of this kind. InternalError where there is no such kind: the control plane lets none in."""
    if kind not in KINDS:
        raise InternalError(f"There is no kind of provider named '{kind}'.")
    module, _, name = KINDS[kind][1].rpartition(".")
    made: Adapter = getattr(import_module(module), name)(transport)
    return made
