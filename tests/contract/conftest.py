"""Failed assertions of scenarios tell their values, too."""

from __future__ import annotations

import pytest

for name in ("asking", "streaming", "failing", "bench", "chat_words", "messages_words"):
    pytest.register_assert_rewrite(f"tests.contract.{name}")
