"""Configuration files for tests, and what is made of them."""

from __future__ import annotations

from typing import Any

from llm.adapters import kinds
from llm.core import file_snapshot, reading, shapes
from llm.core.file_snapshot import Built
from llm.core.surroundings import Surroundings
from llm.core.writing import to_yaml

HERE = Surroundings()


def built(text: str, surroundings: Surroundings = HERE) -> Built:
    return file_snapshot.build(shapes.read(reading.read(text)), surroundings, kinds.BY_NAME)


def yaml(**sections: Any) -> str:
    return to_yaml({"version": 1, **sections})


def openai(url: str, **fields: Any) -> dict[str, Any]:
    """A provider that has the key `sk-test` and the models `m` and `priced`."""
    return {
        "provider_type": "openai",
        "connection_params": {"api_base": f"{url}/v1"},
        "api_keys": [{"secret": "sk-test"}],
        "models": {"m": {}, "priced": {"prices": [{"input": 10**9, "output": 2 * 10**9}]}},
        **fields,
    }
