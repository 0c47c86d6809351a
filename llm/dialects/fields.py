"""Reading JSON objects field by field: strictly with callers, and knowing at the end what nobody took."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from llm.errors import InvalidRequest

T = TypeVar("T")

# What msgspec raises for bytes that are not the JSON that was asked for.
BAD_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

TEXT: Final = msgspec.json.Decoder(str)
FLAG: Final = msgspec.json.Decoder(bool)
INTEGER: Final = msgspec.json.Decoder(int)
NUMBER: Final = msgspec.json.Decoder(float)
RAW: Final = msgspec.json.Decoder(msgspec.Raw)
OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
OBJECTS: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
TEXTS: Final = msgspec.json.Decoder(list[str])
TEXT_OR_TEXTS: Final = msgspec.json.Decoder(str | list[str])
TEXT_OR_OBJECT: Final = msgspec.json.Decoder(str | dict[str, msgspec.Raw])
TEXT_OR_OBJECTS: Final = msgspec.json.Decoder(str | list[dict[str, msgspec.Raw]])

_SAYS_NOTHING: Final = frozenset({b"null", b"[]", b"{}", b'""'})


class Fields:
    """One JSON object of a caller's body. `path` is where it stands ("messages[0]"), "" for the body itself.

    `lost` is shared by all objects of one body: the names of what cannot be carried, in the order they were met.
    Wrong types raise InvalidRequest whose `param` is the field's path.
    """

    __slots__ = ("_values", "lost", "path")

    def __init__(self, values: dict[str, msgspec.Raw], path: str, lost: dict[str, None]) -> None:
        self._values = values
        self.path = path
        self.lost = lost

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """The value, None where it is absent or null. A field that was taken is not reported as lost."""
        raw = self._values.pop(name, None)
        if raw is None or bytes(raw) == b"null":
            return None
        try:
            return decoder.decode(raw)
        except BAD_JSON as error:
            raise self._wrong_type(name, error) from error

    def carry(self, name: str, decoder: msgspec.json.Decoder[T]) -> msgspec.Raw | None:
        """The JSON text of the value as it came, where it is of the decoder's type; None as in `take`."""
        raw = self._values.get(name)
        if raw is None or self.take(name, decoder) is None:
            return None
        try:
            bytes(raw).decode()  # the decoder leaves what it does not look into
        except UnicodeDecodeError as error:
            raise self._wrong_type(name, error) from error
        return raw

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        value = self.take(name, decoder)
        if value is None:
            raise self.wrong(name, "is required")
        return value

    def inner(self, name: str, values: dict[str, msgspec.Raw]) -> Fields:
        return Fields(values, self.where(name), self.lost)

    def each(self, name: str, objects: list[dict[str, msgspec.Raw]]) -> list[Fields]:
        where = self.where(name)
        return [Fields(values, f"{where}[{index}]", self.lost) for index, values in enumerate(objects)]

    def where(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, complaint: str) -> InvalidRequest:
        """The error to raise: `name` of this object `complaint`."""
        where = self.where(name)
        return InvalidRequest(f"{where} {complaint}.", param=where)

    def lose(self, name: str) -> None:
        self.lost[name] = None

    def close(self, ignore: frozenset[str] = frozenset()) -> None:
        """Names as lost what nobody took, but for values that say nothing and the names in `ignore`."""
        for name, raw in self._values.items():
            if name not in ignore and bytes(raw) not in _SAYS_NOTHING:
                self.lost[name] = None

    def _wrong_type(self, name: str, error: Exception) -> InvalidRequest:
        if not isinstance(error, msgspec.ValidationError):
            return self.wrong(name, "is no valid JSON")
        # msgspec says "Expected `str`, got `int` - at `$[0].x`": types and places, never a value.
        expectation, _, place = str(error).partition(" - at `$")
        where = self.where(name) + place.rstrip("`").replace("[...]", "")
        return InvalidRequest(f"{where}: {expectation[:1].lower()}{expectation[1:]}.", param=where)
