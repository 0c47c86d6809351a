"""A request as a program would send it: as curl and in Python, with a placeholder for the key."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

PLACEHOLDER = "gw-your-project-key"
_WIDTH = 56  # of the box on the playground's page
_NAMED = ("model", "messages", "temperature", "max_tokens", "stream")


def of(body: Mapping[str, Any], *, base_url: str) -> dict[str, str]:
    """`base_url` ends in /v1; `body` is that of a chat completion."""
    return {"curl": curl(body, base_url=base_url), "python": python(body, base_url=base_url)}


def curl(body: Mapping[str, Any], *, base_url: str) -> str:
    lines = [
        f"curl -s{'N' if body.get('stream') else ''} {shlex.quote(f'{base_url}/chat/completions')}",
        f'-H "Authorization: Bearer {PLACEHOLDER}"',
        '-H "Content-Type: application/json"',
        f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
    ]
    return " \\\n  ".join(lines)


def python(body: Mapping[str, Any], *, base_url: str) -> str:
    extras = {name: value for name, value in body.items() if name not in _NAMED}
    arguments = {name: body[name] for name in _NAMED if name in body}
    if extras:
        arguments["extra_body"] = extras
    given = "".join(f"    {name}={_literal(value)},\n" for name, value in arguments.items())
    return (
        "from openai import OpenAI\n\n"
        f"client = OpenAI(\n    base_url={_literal(base_url)},\n    api_key={_literal(PLACEHOLDER)},\n)\n"
        f"answer = client.chat.completions.create(\n{given})\n{_STREAMED if body.get('stream') else _WHOLE}"
    )


_WHOLE = "print(answer.choices[0].message.content)\n"
_STREAMED = """for chunk in answer:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="")
"""


def _literal(value: Any, indent: int = 4) -> str:
    """As Python source; what does not fit on a line has its parts on lines of their own."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list):
        return repr(value)
    first, last = "{}" if isinstance(value, dict) else "[]"
    parts = _parts(value, indent + 4)
    whole = f"{first}{', '.join(parts)}{last}"
    if indent + len(whole) <= _WIDTH and "\n" not in whole:
        return whole
    margin = " " * indent
    return f"{first}\n" + "".join(f"{margin}    {part},\n" for part in parts) + f"{margin}{last}"


def _parts(value: dict[str, Any] | list[Any], indent: int) -> list[str]:
    if isinstance(value, list):
        return [_literal(part, indent) for part in value]
    return [f"{_literal(name)}: {_literal(part, indent)}" for name, part in value.items()]
