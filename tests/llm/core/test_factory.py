"""Kinds of providers by name, and one's own."""

from __future__ import annotations

import pytest

from llm.adapters import kinds
from llm.adapters.echo import Echo
from llm.adapters.openai import OpenAI
from llm.core.factory import ProviderFactory


def test_it_knows_the_gateways_kinds() -> None:
    factory = ProviderFactory()
    assert factory.kinds() == tuple(kinds.BY_NAME)
    assert isinstance(factory.create("openai"), OpenAI)
    assert not factory.has_own


def test_ones_own_kind_is_made_and_told_like_the_others() -> None:
    factory = ProviderFactory()
    factory.register("shout", Echo, label="Shout", default_base_url="echo:", parameters=["volume"])
    assert "shout" in factory.kinds() and "shout" not in kinds.BY_NAME
    assert isinstance(factory.create("shout"), Echo)
    kind = factory.known()["shout"]
    assert (kind.label, kind.adapter, kind.needs_key) == ("Shout", "llm.adapters.echo.Echo", False)
    assert kind.options == ("volume",)
    assert ProviderFactory().kinds() == tuple(kinds.BY_NAME)


def test_wrong_registrations_are_refused_at_once() -> None:
    factory = ProviderFactory()
    with pytest.raises(ValueError, match="already"):
        factory.register("openai", Echo)
    with pytest.raises(ValueError, match="lower-case"):
        factory.register("Not A Word", Echo)
    with pytest.raises(TypeError, match="adapter"):
        factory.register("nothing", "llm.adapters.echo.Echo")  # type: ignore[arg-type]  # reason: what is refused
    with pytest.raises(ValueError, match="no kind of provider named 'nothing'"):
        factory.create("nothing")
