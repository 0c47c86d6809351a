"""`stream_options` of OpenAI's chat and completions: a stream tells its usage only to who asks for it."""

from __future__ import annotations

import msgspec

from llm.dialects.fields import FLAG, OBJECT, Fields
from llm.spec import Request


def upstream_body(request: Request) -> dict[str, msgspec.Raw | object]:
    """The caller's own fields; of a stream the usage is asked for, whether the caller wants it or not."""
    body: dict[str, msgspec.Raw | object] = {**request.fields}
    if request.stream:
        options = Fields(dict(request.fields), "", {}).take("stream_options", OBJECT) or {}
        body["stream_options"] = {**options, "include_usage": True}
    return body


def wants_usage(request: Request) -> bool:
    options = Fields(dict(request.fields), "", {}).take("stream_options", OBJECT)
    return options is not None and Fields(options, "stream_options", {}).take("include_usage", FLAG) is True
