"""The surfaces of OpenAI's API that take a form: how far it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from llm.bodies.surfaces import passed_on
from llm.http import upload
from llm.http.incoming import Incoming
from llm.spec import Request

ReadForm = Callable[[Incoming, Mapping[str, str]], Awaitable[Request]]


async def _read_form(surface: str, incoming: Incoming, headers: Mapping[str, str]) -> Request:
    """A multipart form; its model is all that is looked for."""
    model, form = await upload.read(incoming, headers.get("content-type", ""))
    return Request("openai_chat", model, {}, headers=passed_on(headers), surface=surface, form=form)


FORMS: Final[Mapping[str, ReadForm]] = {
    surface: partial(_read_form, surface) for surface in ("audio/transcriptions", "audio/translations")
}
