"""YAML text -> plain values, and the line of each of them.

Strict where YAML is loose: a name that stands twice and a name that is no text are errors, times stay texts, only the
types of JSON exist. Bounded where YAML is not: bytes, nesting, and values (aliases may stand for the same value many
times).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from llm.core.errors import ConfigurationError

LARGEST = 16 * 1024 * 1024  # bytes
MOST_VALUES = 1_000_000
DEEPEST = 40
_MERGE = "tag:yaml.org,2002:merge"
_TYPES = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq"))
Path = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # reason: C where there is a C
    """Times stay texts."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """What the file says. `lines`: path of a name or item -> its line, from 1."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def place(self, path: Sequence[str | int]) -> str:
        """`line 12: providers.openai.weight`: of what does not stand in the file itself, what it would stand in."""
        shown = ".".join(str(part) for part in path) or "the file"
        known = tuple(path)
        while known and known not in self.lines:
            known = known[:-1]
        return f"line {self.lines[known]}: {shown}" if known in self.lines else shown


def read(text: str | bytes) -> Document:
    """Raises ConfigurationError: no YAML, out of bounds, a name twice. It shows no value."""
    if len(text) > LARGEST:
        raise ConfigurationError(f"The configuration is larger than {LARGEST // 1024 // 1024} MiB.")
    try:
        _check_depth(text)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            builder = _Builder(loader)
            value = builder.build(root, ()) if root is not None else {}
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise ConfigurationError(f"The configuration is no YAML{place}.") from None
    return Document(value, builder.lines)


def _check_depth(text: str | bytes) -> None:
    """Before any node is made: the parser calls itself for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise _wrong(event, f"it is nested deeper than {DEEPEST} levels.")


class _Builder:
    def __init__(self, loader: Any) -> None:
        self.lines: dict[Path, int] = {}
        self._loader = loader
        self._values = 0

    def build(self, node: Any, path: Path) -> Any:
        self._values += 1
        if self._values > MOST_VALUES or len(path) > DEEPEST:
            raise _wrong(node, "there are too many values, or aliases that go round in a circle.")
        if node.tag not in _TYPES:
            raise _wrong(node, "this is no YAML of texts, numbers, true, false, null, lists and mappings.")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, place)) for place, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            name = self._name(key)
            if name in found:
                raise _wrong(key, f"{name} stands here twice.")
            self.lines[*path, name] = key.start_mark.line + 1
            found[name] = self.build(value, (*path, name))
        for merged in self._merged(node):
            for name, value in self.build(merged, path).items():
                found.setdefault(name, value)
        return found

    def _merged(self, node: Any) -> Iterator[Any]:
        for key, value in node.value:
            if key.tag == _MERGE:
                items = value.value if isinstance(value, yaml.SequenceNode) else [value]
                if not all(isinstance(item, yaml.MappingNode) for item in items):
                    raise _wrong(key, "<< needs a mapping or a list of mappings.")
                yield from items

    def _name(self, node: Any) -> str:
        name = self.build(node, ()) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(name, str):
            shown = f"the name {node.value}" if isinstance(node, yaml.ScalarNode) else "a name"
            raise _wrong(node, f"{shown} must be quoted: it is no text.")
        return name

    def _scalar(self, node: Any) -> Any:
        try:
            value = self._loader.construct_object(node)
        except ValueError:
            raise _wrong(node, "this is no number.") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(node, "a number must be finite.")
        return value


def _wrong(node: Any, message: str) -> ConfigurationError:
    return ConfigurationError(f"line {node.start_mark.line + 1}: {message}")
