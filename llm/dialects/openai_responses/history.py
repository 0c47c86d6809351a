"""A caller's own body on its way to OpenAI: reasoning that another dialect's provider signed cannot go there.

OpenAI refuses encrypted content that is not its own (see `llm.dialects.signatures`). All else passes byte for byte.
"""

from __future__ import annotations

from typing import Final

import msgspec

from llm.dialects.fields import BAD_JSON
from llm.dialects.openai_responses.signature import HOME
from llm.dialects.signatures import brought_back, holds_marks
from llm.spec import Request

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields. An input that cannot be read stays as it is: the provider says what is wrong with it."""
    body: dict[str, msgspec.Raw | object] = {**request.fields}
    given = request.fields.get("input")
    if given is not None and holds_marks(given):
        try:
            body["input"] = brought_back(_ITEMS.decode(given), HOME)
        except BAD_JSON:
            return body
    return body
