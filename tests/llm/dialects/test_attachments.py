"""What a conversation holds beside text: found where a part says so, and nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.dialects.attachments import FIELD, Attachment, held
from llm.errors import InvalidRequest
from llm.spec import Dialect, Request

ALL: tuple[Attachment, ...] = ("image", "audio", "document")
PDF = "data:application/pdf;base64,JVBERi0="
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}
PARTS: list[tuple[Dialect, dict[str, Any], Attachment | None]] = [
    ("openai_chat", {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}, "image"),
    ("openai_chat", {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}, "audio"),
    ("openai_chat", {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}, "document"),
    ("openai_chat", {"type": "file", "file": {"file_id": "file-1"}}, "document"),
    ("openai_chat", {"type": "file", "file": {"file_data": "data:text/plain;base64,SGk="}}, None),
    ("openai_chat", {"type": "text", "text": 'Write {"type": "image_url"}.'}, None),
    ("openai_chat", {"type": "text", "text": "image_url"}, None),
    ("openai_chat", {"type": "from_the_future", "image_url": "?"}, None),
    ("openai_chat", {"type": ["image_url"], "kind": "file"}, None),
    ("openai_responses", {"type": "input_image", "image_url": "https://x.example/a.png"}, "image"),
    ("openai_responses", {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}, "audio"),
    ("openai_responses", {"type": "input_file", "file_url": "https://x.example/a.pdf"}, "document"),
    ("openai_responses", {"type": "input_file", "file_data": "data:text/plain;base64,SGk="}, None),
    ("openai_responses", {"type": "input_text", "text": "input_image"}, None),
    ("anthropic_messages", PICTURE, "image"),
    ("anthropic_messages", {"type": "tool_result", "tool_use_id": "t", "content": [PICTURE]}, "image"),
    ("anthropic_messages", {"type": "tool_use", "id": "t", "name": "draw", "input": {"content": PICTURE}}, None),
    (
        "anthropic_messages",
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        "document",
    ),
    ("anthropic_messages", {"type": "document", "source": {"type": "text", "data": "Hi."}}, None),
    ("anthropic_messages", {"type": "document", "source": {"type": "content", "content": "Hi."}}, None),
    ("anthropic_messages", {"type": "document", "source": {"type": "content", "content": [PICTURE]}}, "image"),
    ("gemini", {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}}, "image"),
    ("gemini", {"inline_data": {"mime_type": "audio/wav", "data": "UklGRg=="}}, "audio"),
    ("gemini", {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x.example/a.pdf"}}, "document"),
    ("gemini", {"fileData": {"mimeType": "text/plain", "fileUri": "https://x.example/a.txt"}}, None),
    ("gemini", {"fileData": {"fileUri": "https://x.example/a"}}, None),
    ("gemini", {"functionResponse": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}, "image"),
    ("gemini", {"text": "inlineData"}, None),
]


def conversation(dialect: Dialect, content: object) -> Request:
    told = [{"role": "user", "parts" if dialect == "gemini" else "content": content}]
    return Request(dialect, "m", {FIELD[dialect]: msgspec.Raw(msgspec.json.encode(told))})


@pytest.mark.parametrize(("dialect", "part", "kind"), PARTS)
def test_a_part_is_known_by_its_dialect_s_words(dialect: Dialect, part: object, kind: Attachment | None) -> None:
    asked = conversation(dialect, [part])
    assert held(asked, ALL) == ({kind} if kind else set())
    for one in ALL:
        assert held(asked, (one,)) == ({kind} & {one}), "only what is looked for is told"


def test_all_that_is_there_is_told() -> None:
    parts = [part for dialect, part, _ in PARTS if dialect == "openai_chat"]
    assert held(conversation("openai_chat", parts), ALL) == set(ALL)


def test_what_a_function_gave_is_looked_at() -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "?"}]}
    asked = Request("openai_responses", "m", {"input": msgspec.Raw(msgspec.json.encode([item]))})
    assert held(asked, ALL) == {"image"}


@pytest.mark.parametrize("text", ["Hi.", 'Say "image_url" and \\"type\\": "image_url".', ["Hi."], None, 3, {"a": 1}])
def test_a_text_is_no_attachment_whatever_it_says(text: object) -> None:
    for dialect in FIELD:
        assert held(conversation(dialect, text), ALL) == set()


def test_nothing_is_read_where_no_word_stands_or_none_is_wanted() -> None:
    """Bytes that would not be read: that they are not looked at is what this tells."""
    fields = {"messages": msgspec.Raw(b'["' + b"plain text " * 9000)}
    assert held(Request("openai_chat", "m", fields), ALL) == set()
    fields = {"messages": msgspec.Raw(b'[{"type": "image_url"')}
    assert held(Request("openai_chat", "m", fields), ()) == set()
    assert held(Request("openai_chat", "m", fields), ("audio", "document")) == set()
    assert held(Request("openai_completions", "m", {"prompt": msgspec.Raw(b'"image_url"')}), ALL) == set()
    with pytest.raises(InvalidRequest) as caught:
        held(Request("openai_chat", "m", fields), ("image",))
    assert caught.value.param == "messages"


def test_deep_nesting_ends_the_search_and_not_the_call() -> None:
    part: dict[str, object] = {"type": "image_url"}
    for _ in range(50):
        part = {"type": "text", "content": [part]}
    assert held(conversation("openai_chat", [part]), ALL) == set()
    deep = b'[{"type":"image_url","content":' * 100_000
    with pytest.raises(InvalidRequest):
        held(Request("openai_chat", "m", {"messages": msgspec.Raw(deep)}), ALL)
