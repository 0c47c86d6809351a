"""ProviderFactory: the kinds of providers by name, those that the gateway has and one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llm import adapters
from llm.adapters import kinds
from llm.adapters.kinds import Kind
from llm.spec import Adapter, Dialect
from llm.transport.base import Transport
from llm.transport.choice import ChosenTransport

MakeAdapter = Callable[[Transport], Adapter]


class ProviderFactory:
    """`register` adds kinds for the clients that take this factory. What shall be known to the servers too, and to the
    database, is an installed package's entry point (see `llm.adapters.kinds`)."""

    def __init__(self) -> None:
        self._own: dict[str, tuple[Kind, MakeAdapter]] = {}

    def register(
        self,
        name: str,
        adapter: MakeAdapter,
        *,
        label: str = "",
        dialect: Dialect = "openai_chat",
        default_base_url: str = "",
        needs_key: bool = False,
        parameters: Sequence[str] | None = None,
    ) -> None:
        """`adapter` is called with the transport, and gives an `llm.spec.Adapter` (a class will do); `dialect` is the
        one that its provider speaks. The rest as in `Kind`. ValueError where the name is taken or no lower-case word.
        """
        if not isinstance(name, str) or not kinds.NAME.fullmatch(name):
            raise ValueError("A kind's name is a lower-case word: letters, digits and '_', 40 at most.")
        if name in self.known():
            raise ValueError(f"There is a kind named '{name}' already.")
        if not callable(adapter):
            raise TypeError("An adapter must be a class, or a function that makes one.")
        shown = f"{getattr(adapter, '__module__', '')}.{getattr(adapter, '__qualname__', name)}"
        told = {} if parameters is None else {"parameters": tuple(parameters)}
        kind = Kind(label or name, shown, dialect, default_base_url=default_base_url, needs_key=needs_key, **told)
        self._own[name] = kind, adapter

    def create(self, kind: str, transport: Transport | None = None) -> Adapter:
        """A new adapter; without a transport it has one of its own. ValueError where there is no such kind."""
        transport = transport or ChosenTransport()
        if kind in self._own:
            return self._own[kind][1](transport)
        if kind not in kinds.BY_NAME:
            raise ValueError(f"There is no kind of provider named '{kind}'.")
        return adapters.adapter(kind, transport)

    def kinds(self) -> tuple[str, ...]:
        """The names that `create` takes."""
        return tuple(self.known())

    def known(self) -> Mapping[str, Kind]:
        """What each kind is, by name."""
        return {**kinds.BY_NAME, **{name: kind for name, (kind, _) in self._own.items()}}

    @property
    def has_own(self) -> bool:
        """Was a kind registered?"""
        return bool(self._own)
