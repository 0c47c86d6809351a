"""What all kinds of the OpenAI family share. `base_url` ends where the paths begin (".../v1")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from llm.adapters.http_adapter import HttpAdapter
from llm.spec import Dialect, Target

_PATH: Final = "/chat/completions"


class ChatCompletions(HttpAdapter):
    dialect: ClassVar[Dialect] = "openai_chat"
    surfaces: ClassVar[frozenset[str]] = frozenset(
        {
            "embeddings",
            "moderations",
            "rerank",
            "completions",
            "images/generations",
            "audio/speech",
            "audio/transcriptions",
            "audio/translations",
        }
    )

    def url(self, base_url: str) -> str:
        return f"{base_url.rstrip('/')}{_PATH}"

    def url_of_surface(self, target: Target, surface: str) -> str:
        """Beside the chat completions, also where their address is more than a base and a path."""
        before, _, after = self.url_of(target).rpartition(_PATH)
        return f"{before}/{surface}{after}"

    def credentials(self, secret: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {secret}"}
