"""Good JSON, broken in one place."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def broken(draw: st.DrawFn, value: Any) -> Any:
    """The value with one place of it changed."""
    if draw(st.integers(0, 3)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(ANY)
    if isinstance(value, dict):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: draw(broken(value[name]))}
    place = draw(st.integers(0, len(value) - 1))
    return [*value[:place], draw(broken(value[place])), *value[place + 1 :]]
