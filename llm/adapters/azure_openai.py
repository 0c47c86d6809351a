"""Azure OpenAI. https://learn.microsoft.com/azure/ai-services/openai/reference (read in November 2026)

The base URL is the resource's endpoint; a model's id is the name of its deployment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from llm.adapters.chat_completions import ChatCompletions
from llm.spec import Target

# The newest version of the inference API that is no preview.
DEFAULT_API_VERSION: Final = "2024-10-21"
# An Entra token is a JWT: three parts in base64url, of which the first begins with `{"`.
_ENTRA_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class AzureOpenAI(ChatCompletions):
    def url_of(self, target: Target) -> str:
        """By deployment and version; a base that ends in /openai/v1 is the newer surface, which has neither."""
        base = target.base_url.rstrip("/")
        if base.endswith("/openai/v1"):
            return self.url(base)
        version = str(target.options.get("api_version") or DEFAULT_API_VERSION)
        deployment = f"{base.removesuffix('/openai')}/openai/deployments/{quote(target.model_id, safe='')}"
        return f"{self.url(deployment)}?api-version={quote(version, safe='')}"

    def credentials(self, secret: str) -> Mapping[str, str]:
        if _ENTRA_TOKEN.fullmatch(secret):
            return {"authorization": f"Bearer {secret}"}
        return {"api-key": secret}
