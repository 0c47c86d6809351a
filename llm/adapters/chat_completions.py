"""What all kinds of the OpenAI family share. `base_url` ends where the paths begin (".../v1")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from llm.adapters.http_adapter import HttpAdapter
from llm.spec import Dialect


class ChatCompletions(HttpAdapter):
    dialect: ClassVar[Dialect] = "openai_chat"

    def url(self, base_url: str) -> str:
        return f"{base_url.rstrip('/')}/chat/completions"

    def credentials(self, secret: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {secret}"}
